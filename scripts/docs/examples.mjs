import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import ts from 'typescript'
import { files, read, root } from './files.mjs'

const GENERATED = join(root, '.cache/examples')
const PAGES = /\/(README\.md|docs\/.*\.md|packages\/[^/]+\/README\.md)$/
const SOURCES = /\/packages\/[^/]+\/src\/.*\.ts$/
const TIME_LIMIT = 20_000

/**
 * Every ```ts fence that imports a package of ours, in the pages and in doc comments, type-checks as a user's program
 * and runs against `dist`. What stands behind `console.log(…) //` must be printed (`…` stands for anything). A fence
 * that needs a device, a cloud or a hub is marked ```ts no-run.
 */
export async function checkExamples() {
  const examples = [...files(PAGES).flatMap(fencesOfPage), ...files(SOURCES).flatMap(fencesOfComments)]
  rmSync(GENERATED, { recursive: true, force: true })
  mkdirSync(GENERATED, { recursive: true })
  for (const example of examples) writeFileSync(example.file, example.code)
  const problems = typeProblems(examples)
  const runnable = examples.filter(({ mark }) => mark !== 'no-run')
  if (problems.length === 0) for (const example of runnable) problems.push(...(await run(example)))
  return { done: `examples: ${examples.length} compiled, ${runnable.length} run`, problems }
}

function fencesOfPage(path) {
  return fencesIn(path, read(path), 0)
}

function fencesOfComments(path) {
  const text = read(path)
  return [...text.matchAll(/\/\*\*[\s\S]*?\*\//g)].flatMap((comment) => {
    const line = text.slice(0, comment.index).split('\n').length - 1
    return fencesIn(path, comment[0].replaceAll(/^ *\* ?/gm, ''), line)
  })
}

function fencesIn(path, text, firstLine) {
  return [...text.matchAll(/^( *)```ts *([\w-]*)\n([\s\S]*?)^\1```/gm)]
    .map(([, , mark, code], index, { [index]: match }) => {
      const line = firstLine + text.slice(0, match.index).split('\n').length
      const name = `${path.replaceAll(/[^\w]+/g, '-')}-${line}`
      return { where: `${path}:${line}`, mark, code: `${code}\nexport {}\n`, file: join(GENERATED, `${name}.mts`) }
    })
    .filter(({ code }) => /from '(@halyard\/|halyard)/.test(code))
}

function typeProblems(examples) {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => ts.sys.readFile(path))
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root)
  const lenient = { incremental: false, tsBuildInfoFile: undefined, noUnusedLocals: false, noUnusedParameters: false }
  const program = ts.createProgram(
    examples.map(({ file }) => file),
    { ...options, ...lenient, customConditions: [] },
  )
  return examples.flatMap(({ file, where }) =>
    ts
      .getPreEmitDiagnostics(program, program.getSourceFile(file))
      .map(({ messageText }) => `${where}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`),
  )
}

async function run({ file, code, where }) {
  const { outputText } = ts.transpileModule(code, { compilerOptions: { target: 'ES2023', module: 'ESNext' } })
  const script = file.replace(/\.mts$/, '.mjs')
  writeFileSync(script, outputText)
  const directory = mkdtempSync(join(tmpdir(), 'halyard-example-'))
  try {
    const { exit, output, errors } = await execute(script, directory)
    if (exit !== 0) return [`${where}: ended with ${exit}: ${errors.trim().split('\n').slice(0, 12).join('\n    ')}`]
    const printed = output.split('\n')
    return expectedOf(code)
      .filter((expected) => !printed.some((line) => matches(line, expected)))
      .map((expected) => `${where}: does not print '${expected}' but '${output.trim()}'`)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function execute(script, cwd) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [script], { cwd, stdio: ['ignore', 'pipe', 'pipe'], timeout: TIME_LIMIT })
    let output = ''
    let errors = ''
    child.stdout.setEncoding('utf8').on('data', (text) => (output += text))
    child.stderr.setEncoding('utf8').on('data', (text) => (errors += text))
    child.on('close', (code, signal) => resolve({ exit: code ?? `${signal} (${TIME_LIMIT / 1000} s)`, output, errors }))
  })
}

function expectedOf(code) {
  return [...code.matchAll(/^.*console\.log\(.*\) \/\/ (.+)$/gm)].map(([, expected]) => expected.trim())
}

function matches(line, expected) {
  const parts = expected.split('…')
  if (parts.length === 1) return line === expected
  let at = 0
  for (const part of parts) {
    const found = line.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return line.startsWith(parts[0]) && line.endsWith(parts.at(-1))
}
