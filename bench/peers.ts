/**
 * What the benchmarks compare us with and the project does not need: installed beside the benchmarks when the first of
 * them asks for it, never with the project.
 */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

interface Statement {
  run(...values: unknown[]): unknown
  all(): unknown[]
}

/** As much of better-sqlite3 as is used here. */
export interface SqliteDatabase {
  pragma(text: string): unknown
  exec(sql: string): unknown
  prepare(sql: string): Statement
  transaction(task: () => void): () => void
  close(): void
}

/** better-sqlite3, which a machine without a prebuilt binary compiles for a minute. */
export async function betterSqlite(): Promise<new (path: string) => SqliteDatabase> {
  const main = peer('better-sqlite3', 'lib/index.js')
  const module = (await import(pathToFileURL(main).href)) as { default: new (path: string) => SqliteDatabase }
  return module.default
}

/** The path of a file of a peer, which is installed now if it was not. */
export function peer(name: string, file: string): string {
  const path = join(import.meta.dirname, 'node_modules', name, file)
  if (!existsSync(path)) {
    console.log('installing the peers of the benchmarks …')
    install(import.meta.dirname)
  }
  return path
}

/** The stock SDKs, which are those of `interop/`. */
export function stockClients(): void {
  const directory = join(import.meta.dirname, '../interop')
  if (existsSync(join(directory, 'node_modules/emitter-io'))) return
  console.log('installing the stock clients …')
  install(directory)
}

function install(directory: string): void {
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], {
    ...{ cwd: directory, stdio: ['ignore', 'ignore', 'inherit'] },
  })
}
