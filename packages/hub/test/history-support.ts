import { onTestFinished } from 'vitest'
import { openDatabase } from '../src/store/sqlite/database.ts'
import type { Database } from '../src/store/sqlite/database.ts'

/** A file of SQLite that is closed by the test or after it. */
export async function openFile(path: string): Promise<Database> {
  const database = await openDatabase(path)
  let open = true
  const close = (): void => {
    if (open) database.close()
    open = false
  }
  onTestFinished(close)
  return { exec: (sql) => database.exec(sql), prepare: (sql) => database.prepare(sql), close }
}

/** What it gives, however often it makes room for others. */
export function drain<T>(steps: Generator<unknown, T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}
