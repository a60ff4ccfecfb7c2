/**
 * The contract (contract/*.ts, the specification's own files) and the packages: which names are there, and the
 * documents' examples against the real packages. The types themselves are compared by contract/check-*.ts.
 */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'

const root = join(import.meta.dirname, '..')
const contract = (file: string): string => join(root, 'contract', file)
const packages = ['core', 'hologram', 'network', 'emitter', 'ttn', 'exp', 'hub']

/**
 * What the contract has and a package that exists does not have yet: exported names, and members as `Class.member`.
 * Whoever builds one takes it out of here; a test fails until then. Nothing else may be missing.
 */
const notYet: Readonly<Record<string, readonly string[]>> = {
  core: [],
  hologram: [],
  emitter: [],
  hub: [],
}

const built = packages.filter((name) => existsSync(join(root, `packages/${name}/src/index.ts`)))
const door = (name: string): string => join(root, `packages/${name}/src/index.ts`)

const { config } = ts.readConfigFile(contract('tsconfig.json'), (path) => ts.sys.readFile(path))
const { options } = ts.parseJsonConfigFileContent(config, ts.sys, join(root, 'contract'))
const examples = nowCompiling()
const generated = contract('examples-now.generated.ts')
const program = compile()
const checker = program.getTypeChecker()

test("the contract is the specification's, byte for byte", () => {
  const sums = readFileSync(contract('SHA256SUMS'), 'utf8').trim().split('\n')
  expect(sums.length).toBe(packages.length + 1)
  for (const line of sums) {
    const [sum, file = ''] = line.split(/\s+/)
    expect(
      `${createHash('sha256')
        .update(readFileSync(contract(file)))
        .digest('hex')}  ${file}`,
    ).toBe(`${sum}  ${file}`)
  }
})

describe.each(built)('%s', (name) => {
  const theirs = exportsOf(contract(`${name}.ts`))
  const ours = exportsOf(door(name))
  const later = notYet[name] ?? []

  test('exports every name of the contract but those that come later', () => {
    const missing = [...theirs.keys()].filter((word) => !ours.has(word))
    expect(missing.toSorted()).toEqual(later.filter((word) => !word.includes('.')).toSorted())
  })

  test('has no member yet that is said to come later', () => {
    const there = later.filter((word) => word.includes('.')).filter((word) => hasMember(ours, word))
    expect(there).toEqual([])
  })

  test('has each name that exists compared with the contract by a check', () => {
    const files = [`check-${name}.ts`, ...(name === 'core' ? ['check-outbox.ts'] : [])]
    const checks = files.map((file) => readFileSync(contract(file), 'utf8')).join('')
    const compared = (word: string): boolean =>
      new RegExp(`\\b(ours|spec)\\.${word}\\b`).test(checks) ||
      (word.startsWith('ERR_') && checks.includes('`ERR_${string}`'))
    expect([...theirs.keys()].filter((word) => ours.has(word) && !compared(word))).toEqual([])
  })
})

describe("the documents' examples", () => {
  test('compile against the real packages as far as those exist', () => {
    const source = program.getSourceFile(generated)
    const found = ts.getPreEmitDiagnostics(program, source).filter(({ file }) => file === source)
    expect(
      found.map(
        ({ messageText, start = 0 }) => `${lineAt(start)}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
      ),
    ).toEqual([])
  })

  test('are left out only where they use what comes later', () => {
    expect(examples.leftOut.filter(({ because }) => because.length === 0)).toEqual([])
    expect(examples.kept.length + examples.leftOut.length).toBe(examples.total)
  })
})

/** The statements of examples.ts whose names all exist, with the imports led to the packages. */
function nowCompiling(): {
  text: string
  kept: string[]
  leftOut: { line: string; because: string[] }[]
  total: number
} {
  const source = ts.createSourceFile(
    'examples.ts',
    readFileSync(contract('examples.ts'), 'utf8'),
    ts.ScriptTarget.ES2023,
    true,
  )
  const missing = new Set(built.flatMap((name) => (notYet[name] ?? []).map((word) => word.replace(/^\w+\./, ''))))
  const kept: string[] = []
  const leftOut: { line: string; because: string[] }[] = []
  for (const statement of source.statements) {
    if (ts.isImportDeclaration(statement)) {
      const line = importNow(statement, missing)
      if (line === undefined) leftOut.push({ line: statement.getText(), because: ['nothing of it exists'] })
      else kept.push(line)
      continue
    }
    const because = [...wordsOf(statement)].filter((word) => missing.has(word))
    if (because.length === 0) kept.push(statement.getText())
    else {
      leftOut.push({ line: statement.getText(), because })
      // What it would have declared is missing to the statements that follow.
      if (ts.isVariableStatement(statement)) {
        for (const { name } of statement.declarationList.declarations) missing.add(name.getText())
      }
    }
  }
  return { text: `${kept.join('\n')}\n`, kept, leftOut, total: source.statements.length }
}

/** The import with the names that exist, from the package; the others are noted as missing. */
function importNow(statement: ts.ImportDeclaration, missing: Set<string>): string | undefined {
  const name = /\.\/(\w+)\.ts/.exec(statement.moduleSpecifier.getText())?.[1] ?? ''
  const bindings = statement.importClause?.namedBindings
  if (bindings === undefined) return undefined
  const there = built.includes(name)
  if (ts.isNamespaceImport(bindings)) {
    if (there) return `import * as ${bindings.name.text} from '@halyard/${name}'`
    missing.add(bindings.name.text)
    return undefined
  }
  const names: string[] = []
  for (const element of bindings.elements) {
    if (there && !missing.has((element.propertyName ?? element.name).text)) names.push(element.getText())
    else missing.add(element.name.text)
  }
  return names.length === 0 ? undefined : `import { ${names.join(', ')} } from '@halyard/${name}'`
}

/** Names, and texts too: an event is named by one. */
function wordsOf(node: ts.Node, into: Set<string> = new Set()): Set<string> {
  if (ts.isIdentifier(node) || ts.isStringLiteral(node)) into.add(node.text)
  ts.forEachChild(node, (child) => void wordsOf(child, into))
  return into
}

function compile(): ts.Program {
  const host = ts.createCompilerHost(options)
  const readFile = host.readFile.bind(host)
  const fileExists = host.fileExists.bind(host)
  const getSourceFile = host.getSourceFile.bind(host)
  host.readFile = (path) => (path === generated ? examples.text : readFile(path))
  host.fileExists = (path) => path === generated || fileExists(path)
  host.getSourceFile = (path, languageVersion, ...rest) =>
    path === generated
      ? ts.createSourceFile(path, `export {}\n${examples.text}`, languageVersion, true)
      : getSourceFile(path, languageVersion, ...rest)
  const files = [...built.flatMap((name) => [contract(`${name}.ts`), door(name)]), generated]
  return ts.createProgram(files, { ...options, incremental: false, tsBuildInfoFile: undefined }, host)
}

function exportsOf(path: string): Map<string, ts.Symbol> {
  const source = program.getSourceFile(path)
  const symbol = source && checker.getSymbolAtLocation(source)
  return new Map((symbol ? checker.getExportsOfModule(symbol) : []).map((entry) => [entry.name, entry]))
}

function hasMember(names: ReadonlyMap<string, ts.Symbol>, word: string): boolean {
  const owner = word.slice(0, word.indexOf('.'))
  const member = word.slice(owner.length + 1)
  const symbol = names.get(owner)
  if (!symbol) return false
  const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
  return checker.getDeclaredTypeOfSymbol(target).getProperty(member) !== undefined
}

function lineAt(position: number): string {
  const text = program.getSourceFile(generated)?.text ?? ''
  return text.slice(text.lastIndexOf('\n', position) + 1, text.indexOf('\n', position))
}
