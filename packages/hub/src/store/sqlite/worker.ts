/** The index worker: the only thread that touches SQLite. */
import { setImmediate } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { HalyardError, StorageError, describeError } from '@halyard/core'
import { IndexDatabase } from './index-database.ts'
import { JournalFollower } from './journal-follower.ts'
import type { FromWorker, IndexMethods, ToWorker, WireError, WorkerOptions } from './protocol.ts'

const options = workerData as WorkerOptions

async function main(): Promise<void> {
  const port = parentPort
  if (!port) throw new Error('the index worker runs in a worker thread')
  const post = (message: FromWorker): void => port.postMessage(message)

  let database: IndexDatabase
  try {
    database = await IndexDatabase.open(options.path, options.hubId, {
      engine: options.engine,
      progress: (text) => post({ type: 'progress', text }),
    })
  } catch (error) {
    return post({ type: 'closed-at-open', error: toWire(openError(error)) })
  }
  const follower = new JournalFollower(database, options.journal, (lsn) => post({ type: 'applied', lsn }))
  const methods = methodsOf(database)

  port.on('message', (message: ToWorker) => {
    if (message.type === 'follow') {
      follower.followTo(message.committed).catch((error: unknown) => post({ type: 'trouble', error: toWire(error) }))
      return
    }
    const { id, method, args, committed } = message
    const call = methods[method] as (...values: readonly unknown[]) => unknown
    const run = async (): Promise<unknown> => {
      if (method === 'query' || method === 'close') await follower.followTo(committed)
      // Its moment is that of the question: nothing behind it is applied yet.
      return method === 'hold' ? { id: database.hold(), committed } : call(...args)
    }
    run().then(
      (value) => post({ type: 'result', id, value }),
      (error: unknown) => post({ type: 'error', id, error: toWire(error) }),
    )
  })
  post({ type: 'open', applied: database.applied })
}

type Served = { readonly [M in keyof IndexMethods]: (...args: Parameters<IndexMethods[M]>) => unknown }

function methodsOf(database: IndexDatabase): Served {
  const { registry, history } = database
  return {
    get: (collection, id) => registry.get(collection, id),
    put: (collection, id, text, expected) => registry.put(collection, id, text, expected),
    remove: (collection, id, expected) => registry.remove(collection, id, expected),
    list: (collection, after, limit) => registry.list(collection, after, limit),
    append: (messages) => database.append(messages),
    query: async (query, now) => {
      const steps = history.query(query, now)
      for (;;) {
        const step = steps.next()
        if (step.done === true) return step.value
        await setImmediate()
      }
    },
    sweep: async (limits, now) => {
      let total = 0
      for (const removed of history.sweep(limits, now)) {
        total += removed
        await setImmediate()
      }
      return total
    },
    size: () => database.size(),
    count: () => database.count(),
    hold: () => database.hold(),
    isHeld: (id) => database.isHeld(id),
    letGo: (id) => database.letGo(id),
    close: () => database.close(),
  }
}

function openError(cause: unknown): HalyardError {
  if (cause instanceof HalyardError) return cause
  const what = `${options.path} cannot be opened: ${describeError(cause)}`
  return new StorageError('ERR_HUB_INDEX', `${what}; restore it from a backup, or start with another data directory`)
}

function toWire(error: unknown): WireError {
  if (error instanceof HalyardError) return { code: error.code, message: error.message }
  return { code: 'ERR_HUB_INDEX', message: `SQLite: ${describeError(error)}; look at the disk of ${options.path}` }
}

await main()
