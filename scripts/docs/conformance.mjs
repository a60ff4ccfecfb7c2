// docs/protocols/mqtt-conformance.md: every normative statement of MQTT 3.1.1 and 5.0, and the test that shows it or the
// reason why there is none. The words and the reasons are in mqtt-statements.json beside this file; the tests are found by
// the statements' identifiers in their titles. `node scripts/docs/conformance.mjs` writes the page anew.
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import ts from 'typescript'
import { files, read, root } from './files.mjs'

const PAGE = 'docs/protocols/mqtt-conformance.md'
const STATEMENTS = 'scripts/docs/mqtt-statements.json'
/** What vitest wrote when `make test` ran it. */
const REPORT = '.cache/tests.json'
const TESTS = /\/packages\/([^/]+\/test\/mqtt|mqtt\/test)\/(?!all\/).*\.test\.ts$/
const STANDARDS = ['3.1.1', '5.0']
/** Tests of one file that a row names; the others are found by the identifier. */
const NAMED = 2

/** The page is what statements and tests say, and what it names ran. */
export function checkConformance() {
  const statements = JSON.parse(read(STATEMENTS))
  const tests = files(TESTS).flatMap(testsIn)
  const problems = [...unknown(statements, tests), ...unshown(statements, tests), ...notRun(tests)]
  if (!existsSync(join(root, PAGE)) || read(PAGE) !== page(statements, tests)) {
    problems.push(`${PAGE} is not what the tests say: node scripts/docs/conformance.mjs writes it`)
  }
  const count = STANDARDS.reduce((sum, standard) => sum + Object.keys(statements[standard]).length, 0)
  return { done: `conformance: ${count} statements, ${tests.length} tests that name them`, problems }
}

/**
 * Titles with identifiers, as they stand in the source. `[3.1.1 MQTT-…]` is of that standard. A bare `[MQTT-…]` is of the
 * one that its row of a table names (`['[MQTT-…] …', 4, …]`), or the `describe` around it, else of 5.0; and of the other
 * one if only that has it.
 */
function testsIn(path) {
  const statements = JSON.parse(read(STATEMENTS))
  const found = []
  const visit = (node, around) => {
    const inner = isDescribe(node) ? { text: titleOf(node.arguments[0]), standard: standardIn(node) ?? '5.0' } : around
    const title = titleOf(node)
    const ids = title === undefined ? [] : [...title.matchAll(/\[(?:(3\.1\.1|5\.0) )?(MQTT-\d[\d.]*-\d+)\]/g)]
    if (ids.length > 0) {
      const usual = standardOfRow(node) ?? inner.standard
      const shows = ids.map(([, standard, id]) => {
        const other = STANDARDS.find((one) => one !== usual)
        return `${standard ?? (statements[usual][id] || !statements[other][id] ? usual : other)} ${id}`
      })
      found.push({ path, title, shows, words: withoutIds(title) || withoutIds(inner.text) })
    }
    ts.forEachChild(node, (child) => visit(child, inner))
  }
  visit(ts.createSourceFile(path, read(path), ts.ScriptTarget.ES2023, true), { text: '', standard: '5.0' })
  return found
}

function isDescribe(node) {
  return ts.isCallExpression(node) && ts.isIdentifier(node.expression) && node.expression.text === 'describe'
}

function standardIn(describe) {
  const named = STANDARDS.filter((standard) => describe.arguments[0].getText().includes(standard))
  return named.length === 1 ? named[0] : undefined
}

function standardOfRow({ parent, pos }) {
  if (!parent || !ts.isArrayLiteralExpression(parent) || parent.elements[0]?.pos !== pos) return undefined
  return { 3: '3.1.1', 4: '3.1.1', 5: '5.0' }[parent.elements[1]?.getText()]
}

/** A string, or a template with its holes as `…`. */
function titleOf(node) {
  if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) return node.text
  if (!ts.isTemplateExpression(node)) return undefined
  return [node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)].join('…')
}

function unknown(statements, tests) {
  return tests.flatMap(({ path, title, shows }) =>
    shows
      .filter((name) => statements[name.split(' ')[0]][name.split(' ')[1]] === undefined)
      .map((name) => `${path}: there is no statement ${name} ("${shorten(title)}")`),
  )
}

function unshown(statements, tests) {
  const shown = new Set(tests.flatMap(({ shows }) => shows))
  return STANDARDS.flatMap((standard) =>
    Object.entries(statements[standard])
      .filter(([id, { why }]) => !shown.has(`${standard} ${id}`) && why === undefined)
      .map(([id]) => `${standard} [${id}]: no test has it in its title, and ${STATEMENTS} says no reason`),
  )
}

/** After `make test` has run: each named title passed. Without its report, or with an older one, nothing can be said. */
function notRun(tests) {
  const report = join(root, REPORT)
  if (!existsSync(report)) return []
  const written = statSync(report).mtimeMs
  const ran = new Map()
  for (const { name, assertionResults } of JSON.parse(readFileSync(report, 'utf8')).testResults) {
    ran.set(
      name,
      assertionResults.filter(({ status }) => status === 'passed').map(({ title }) => title),
    )
  }
  return tests.flatMap(({ path, title }) => {
    const file = join(root, path)
    if (statSync(file).mtimeMs > written) return []
    const pieces = title.split('…')
    const isIt = (other) => pieces.every((piece) => other.includes(piece))
    return ran.get(file)?.some(isIt) ? [] : [`${path}: "${shorten(title)}" did not run, or did not pass`]
  })
}

function page(statements, tests) {
  const paths = [...new Set(tests.map(({ path }) => path))].sort((a, b) => (a < b ? -1 : 1))
  const lines = [
    '# MQTT conformance',
    '',
    'Every numbered statement of MQTT 3.1.1 and MQTT 5.0, and what shows that Halyard keeps it. Written by',
    '`node scripts/docs/conformance.mjs` from the identifiers in the titles of tests; `make test` fails if this page is not what',
    'the tests say, or if a test that it names did not run. The words are ours and short: the standards are what counts.',
    '',
    'The tests under `packages/hub` speak to the server over TCP, those under `packages/wire` show what the codec takes and',
    'writes, and what the machines do that server and client stand on. A test stands for all of its versions. Of a statement with many tests the first two of each file are named.',
    '',
    'The standards: [MQTT 3.1.1](https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html),',
    '[MQTT 5.0](https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html). MQTT 3.1 has no numbered statements; where it',
    'differs, the tests run in version 3.1 too.',
    '',
  ]
  for (const standard of STANDARDS) {
    lines.push(`## MQTT ${standard}`, '')
    for (const [id, { says, why }] of Object.entries(statements[standard])) {
      lines.push(`- **${id}** ${says}.`)
      const name = `${standard} ${id}`
      const showing = tests.filter(({ shows }) => shows.includes(name))
      for (const path of paths)
        lines.push(
          ...rowsOf(
            path,
            showing.filter((test) => test.path === path),
          ),
        )
      if (showing.length === 0) lines.push(`  - No test: ${why}.`)
    }
    lines.push('')
  }
  return `${lines.join('\n').trimEnd()}\n`
}

function rowsOf(path, tests) {
  const titles = [...new Set(tests.map(({ words }) => words))]
  const more = titles.length > NAMED ? `, and ${titles.length - NAMED} more` : ''
  if (titles.length === 0) return []
  const shown = titles.slice(0, NAMED).map((title) => `“${title}”`)
  return [`  - [${path.split('/')[1]}/${basename(path)}](../../${path}): ${shown.join(', ')}${more}`]
}

/** What Markdown would take for its own is written as it is meant. */
function withoutIds(title = '') {
  return title
    .replaceAll(/\s*\[(?:(?:3\.1\.1|5\.0) )?MQTT-[^\]]+\]/g, '')
    .replaceAll(/[*_#<>[\]\\`|]/g, '\\$&')
    .replaceAll(/\s+/g, ' ')
    .trim()
}

function shorten(title) {
  return title.length > 80 ? `${title.slice(0, 79)}…` : title
}

if (process.argv[1] === import.meta.filename) {
  const statements = JSON.parse(read(STATEMENTS))
  writeFileSync(join(root, PAGE), page(statements, files(TESTS).flatMap(testsIn)))
  const { done, problems } = checkConformance()
  console.log([done, ...problems].join('\n'))
}
