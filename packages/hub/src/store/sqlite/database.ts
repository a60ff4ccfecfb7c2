/**
 * SQLite behind the few calls the index needs: Node's own where it has one (22.13 on), else the WebAssembly build, which
 * needs no compiler. Synchronous, so it runs in the index worker and nowhere else. docs/decisions/010-the-hubs-store.md
 */
import { closeSync, openSync, rmSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import type { Statement as WasmStatement } from 'node-sqlite3-wasm'

export type SqlValue = null | number | bigint | string | Uint8Array
export type Row = Readonly<Record<string, SqlValue>>

export interface Database {
  exec(sql: string): void
  /** Statements are kept and used again. */
  prepare(sql: string): Statement
  close(): void
}

export interface Statement {
  run(...values: readonly SqlValue[]): { readonly changes: number; readonly lastId: number }
  get(...values: readonly SqlValue[]): Row | undefined
  all(...values: readonly SqlValue[]): readonly Row[]
}

/** Pages in memory. SQLite's own 2 MiB do not hold the ends of many channels, to which messages are added in turn. */
const CACHE_KIB = 16_384

export type Engine = 'node:sqlite' | 'node-sqlite3-wasm'

/** What this Node has. */
function bestEngine(): Engine {
  return isBuiltin('node:sqlite') ? 'node:sqlite' : 'node-sqlite3-wasm'
}

/**
 * Opens or makes the file. A commit is on the disk when it returns: WAL with a sync per commit. The caller holds the
 * lock of the data directory, so nobody else has the file open.
 */
export async function openDatabase(path: string, engine: Engine = bestEngine()): Promise<Database> {
  // SQLite would make it readable by others; its companions (-wal, -shm) take the mode of the file.
  closeSync(openSync(path, 'a', 0o600))
  const database = engine === 'node:sqlite' ? await openBuiltin(path) : await openWasm(path)
  try {
    database.exec('PRAGMA journal_mode = WAL')
    database.exec('PRAGMA synchronous = FULL')
    database.exec(`PRAGMA cache_size = -${CACHE_KIB}`)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

interface BuiltinStatement {
  run(...values: readonly SqlValue[]): { readonly changes: number | bigint; readonly lastInsertRowid: number | bigint }
  get(...values: readonly SqlValue[]): Row | undefined
  all(...values: readonly SqlValue[]): Row[]
}

interface BuiltinModule {
  readonly DatabaseSync: new (path: string) => {
    exec(sql: string): void
    prepare(sql: string): BuiltinStatement
    close(): void
  }
}

async function openBuiltin(path: string): Promise<Database> {
  // In a variable: the types of Node 20, the oldest we run on, do not know the module.
  const name: string = 'node:sqlite'
  const { DatabaseSync } = (await import(name)) as BuiltinModule
  const database = new DatabaseSync(path)
  return new CachedStatements({
    exec: (sql) => database.exec(sql),
    close: () => database.close(),
    prepare: (sql) => {
      const statement = database.prepare(sql)
      return {
        run: (...values) => {
          const { changes, lastInsertRowid } = statement.run(...values)
          return { changes: Number(changes), lastId: Number(lastInsertRowid) }
        },
        get: (...values) => statement.get(...values),
        all: (...values) => statement.all(...values),
        finalize: () => {},
      }
    },
  })
}

async function openWasm(path: string): Promise<Database> {
  const { default: sqlite } = await import('node-sqlite3-wasm')
  // Its file lock is a directory that outlives a killed process. Our own lock is held, so this one is nobody's.
  rmSync(`${path}.lock`, { recursive: true, force: true })
  const database = new sqlite.Database(path)
  // There is no memory shared with others in WebAssembly: WAL needs the file for itself.
  database.exec('PRAGMA locking_mode = EXCLUSIVE')
  return new CachedStatements({
    exec: (sql) => database.exec(sql),
    close: () => database.close(),
    prepare: (sql) => {
      let statement: WasmStatement | undefined = database.prepare(sql)
      const use = <T>(work: (prepared: WasmStatement) => T): T => {
        statement ??= database.prepare(sql)
        try {
          return work(statement)
        } catch (error) {
          // After an error (a full disk) it would refuse its next use as well: that one gets a new statement.
          discard(statement)
          statement = undefined
          throw error
        }
      }
      const all = (values: readonly SqlValue[]): Row[] => use((prepared) => prepared.all([...values]) as Row[])
      return {
        run: (...values) => {
          const { changes, lastInsertRowid } = use((prepared) => prepared.run([...values]))
          return { changes, lastId: Number(lastInsertRowid) }
        },
        // Its own get() leaves the statement in progress, and then no transaction can end.
        get: (...values) => all(values)[0],
        all: (...values) => all(values),
        finalize: () => statement?.finalize(),
      }
    },
  })
}

function discard(statement: WasmStatement): void {
  try {
    statement.finalize()
  } catch {
    // It tells once more what it was discarded for.
  }
}

interface FinalizableStatement extends Statement {
  finalize(): void
}

interface Driver {
  exec(sql: string): void
  prepare(sql: string): FinalizableStatement
  close(): void
}

/** Keeps every statement until the end: their texts are few, made of the same parts. */
class CachedStatements implements Database {
  readonly #driver: Driver
  readonly #statements = new Map<string, FinalizableStatement>()

  constructor(driver: Driver) {
    this.#driver = driver
  }

  exec(sql: string): void {
    this.#driver.exec(sql)
  }

  prepare(sql: string): Statement {
    let statement = this.#statements.get(sql)
    if (!statement) {
      statement = this.#driver.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }

  close(): void {
    for (const statement of this.#statements.values()) statement.finalize()
    this.#statements.clear()
    this.#driver.close()
  }
}

/** All of it or nothing. */
export function transaction<T>(database: Database, work: () => T): T {
  database.exec('BEGIN IMMEDIATE')
  try {
    const result = work()
    database.exec('COMMIT')
    return result
  } catch (error) {
    try {
      database.exec('ROLLBACK')
    } catch {
      // SQLite has rolled back by itself (a full disk); the first error is the one to tell.
    }
    throw error
  }
}
