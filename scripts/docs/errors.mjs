import ts from 'typescript'
import { files, read } from './files.mjs'

const PAGE = 'docs/errors.md'

/** docs/errors.md lists every code that the packages throw, sorted, with a meaning and an advice, and no other. */
export function checkErrors() {
  const thrown = new Map()
  for (const path of files(/\/packages\/[^/]+\/src\/.*\.ts$/)) for (const code of codesIn(path)) thrown.set(code, path)
  const rows = [...read(PAGE).matchAll(/^\| `(ERR_\w+)`(.*)$/gm)]
  const listed = rows.map(([, code]) => code)
  const problems = []
  for (const [code, path] of thrown) if (!listed.includes(code)) problems.push(`${PAGE} lacks ${code} (${path})`)
  for (const code of listed) if (!thrown.has(code)) problems.push(`${PAGE} lists ${code}, which nobody throws`)
  if (listed.some((code, i) => i > 0 && code <= listed[i - 1])) problems.push(`${PAGE} must be sorted, each code once`)
  for (const [row, code, rest] of rows) {
    const cells = rest.split(/(?<!\\)\|/).map((cell) => cell.trim())
    if (cells.length !== 4 || cells[1] === '' || cells[2] === '')
      problems.push(`${PAGE}: ${code} needs a meaning and an advice`)
    if (row.length > 600) problems.push(`${PAGE}: ${code} is told too long`)
  }
  return { done: `errors: ${thrown.size} codes`, problems }
}

/** Codes given to `new …Error(…)`, to a function named like one, or by an error class to `super(…)`. */
function codesIn(path) {
  const codes = []
  const source = ts.createSourceFile(path, read(path), ts.ScriptTarget.ES2023)
  const visit = (node) => {
    if ((ts.isNewExpression(node) || ts.isCallExpression(node)) && node.arguments?.[0] && makesError(node.expression)) {
      collect(node.arguments[0], codes)
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return codes
}

function makesError(callee) {
  return callee.kind === ts.SyntaxKind.SuperKeyword || (ts.isIdentifier(callee) && callee.text.endsWith('Error'))
}

/** The code itself, or both branches of a condition. */
function collect(node, codes) {
  if (ts.isStringLiteral(node) && node.text.startsWith('ERR_')) codes.push(node.text)
  if (ts.isConditionalExpression(node)) {
    collect(node.whenTrue, codes)
    collect(node.whenFalse, codes)
  }
}
