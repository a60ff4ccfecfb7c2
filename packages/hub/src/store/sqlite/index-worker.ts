import { Worker } from 'node:worker_threads'
import { StorageError, backoff, describeError, sleep } from '@halyard/core'
import type { Clock, Logger } from '@halyard/core'
import type { HistoryPage, Lsn } from '../../domain/ports.ts'
import { Ration } from '../ration.ts'
import type { FromWorker, IndexMethod, IndexMethods, ToWorker, WireError, WorkerOptions } from './protocol.ts'

/** Node 20 cannot run TypeScript: where the sources run (in our tests), the worker is the built one. */
const ENTRY = new URL(
  import.meta.url.endsWith('.ts') ? '../../../dist/store/sqlite/worker.js' : './worker.js',
  import.meta.url,
)

/** A worker that has lived so long (ms) was well: the next crash is the first again. */
const STABLE = 60_000
/** After so long (ms) what could not be followed is tried again. */
const FOLLOW_AGAIN = 1000
/** Of results in one turn of the event loop, each counted as one and one more for each message in it. */
const RESULTS_PER_TURN = 500

export interface IndexWorkerOptions extends WorkerOptions {
  readonly clock: Clock
  readonly logger: Logger
  /** What the journal has committed by now. */
  readonly committed: () => Lsn
  readonly onApplied: (lsn: Lsn) => void
}

interface PendingCall {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

/**
 * The worker seen from the main thread: calls that return promises. If it crashes, the calls it had are rejected (of a
 * write it is not known whether it happened) and it is started again, at once and then with a backoff; calls made
 * meanwhile wait for the start, and fail with it.
 */
export class IndexWorker {
  readonly #options: IndexWorkerOptions
  readonly #calls = new Map<number, PendingCall>()
  readonly #ration = new Ration(RESULTS_PER_TURN)
  #worker: Promise<Worker>
  #nextId = 1
  /** Crashes in a row. */
  #failures = 0
  #startedAt = 0
  readonly #ending = new AbortController()
  #closing = false
  #thread: Worker | undefined
  #trouble: string | undefined
  #followsAgain = false

  constructor(options: IndexWorkerOptions) {
    this.#options = options
    this.#worker = this.#start()
    this.#worker.catch(() => {})
  }

  /** Resolves when the file is open; rejects with what was wrong with it. */
  async opened(): Promise<void> {
    await this.#worker
  }

  /** Tells how far the journal is; the worker goes and reads. */
  async follow(): Promise<void> {
    const worker = await this.#worker.catch(() => undefined)
    worker?.postMessage({ type: 'follow', committed: this.#options.committed() } satisfies ToWorker)
  }

  async call<M extends IndexMethod>(
    method: M,
    ...args: Parameters<IndexMethods[M]>
  ): Promise<ReturnType<IndexMethods[M]>> {
    const worker = await this.#worker
    if (this.#closing && method !== 'close') {
      throw new StorageError('ERR_HUB_CLOSED', 'the hub is closed; start it again')
    }
    const id = this.#nextId++
    const message: ToWorker = { type: 'call', id, method, args, committed: this.#options.committed() }
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve: resolve as (value: unknown) => void, reject })
      worker.postMessage(message)
    })
  }

  /** Applies what is committed, closes the file, ends the thread. */
  async close(): Promise<void> {
    if (this.#closing) return
    this.#closing = true
    this.#ending.abort()
    const opened = await this.#worker.then(
      () => true,
      () => false,
    )
    if (opened) {
      await this.call('close').catch((error: unknown) => {
        // What is not applied is in the journal, and will be at the next start.
        this.#options.logger.warn({ err: error }, `the index was not closed in order: ${describeError(error)}`)
      })
    }
    // Its work is done; whatever the runtime still keeps the thread for is not waited for.
    await this.#thread?.terminate()
  }

  #start(): Promise<Worker> {
    const { path, journal, hubId, engine } = this.#options
    const workerData: WorkerOptions = { path, journal, hubId, engine }
    const worker = new Worker(ENTRY, { workerData, name: 'halyard-index', execArgv: quietFlags() })
    this.#thread = worker
    this.#startedAt = this.#options.clock.monotonic()
    let crash: Error | undefined
    const opened = new Promise<Worker>((resolve, reject) => {
      worker.on('message', (message: FromWorker) => {
        if (message.type === 'progress') {
          this.#options.logger.info({}, message.text)
        } else if (message.type === 'open') {
          this.#options.onApplied(message.applied)
          resolve(worker)
        } else if (message.type === 'closed-at-open') {
          reject(fromWire(message.error))
          void worker.terminate()
        } else {
          this.#receive(message)
        }
      })
      worker.on('error', (error) => {
        crash = error
      })
      worker.on('exit', () => reject(crashError(crash)))
    })
    worker.on('exit', () => this.#onExit(crash, opened))
    return opened
  }

  #receive(message: Exclude<FromWorker, { type: 'progress' | 'open' | 'closed-at-open' }>): void {
    if (message.type === 'applied') {
      this.#trouble = undefined
      return this.#options.onApplied(message.lsn)
    }
    if (message.type === 'trouble') {
      this.#followAgain()
      // The same trouble comes with every commit: once is enough.
      if (this.#trouble === message.error.message) return
      this.#trouble = message.error.message
      const { code } = message.error
      this.#options.logger.error({ code }, `the index cannot follow the journal: ${message.error.message}`)
      return
    }
    const call = this.#calls.get(message.id)
    this.#calls.delete(message.id)
    // The runtime takes a thousand messages off a port in one turn, and whoever gets a result and asks again makes more of
    // them come meanwhile: sockets would wait for all of it.
    void this.#ration.do(() => {
      if (message.type === 'result') call?.resolve(message.value)
      else call?.reject(fromWire(message.error))
      return message.type === 'result' ? costOf(message.value) : 1
    })
  }

  /** A disk that was full may have room by now, and on a quiet hub no commit would make anyone look. */
  #followAgain(): void {
    if (this.#followsAgain) return
    this.#followsAgain = true
    this.#options.clock.setTimer(FOLLOW_AGAIN, () => {
      this.#followsAgain = false
      if (!this.#closing) void this.follow()
    })
  }

  #onExit(crash: Error | undefined, opened: Promise<Worker>): void {
    const error = crashError(crash)
    for (const call of this.#calls.values()) call.reject(error)
    this.#calls.clear()
    if (this.#closing) return
    const { clock, logger } = this.#options
    opened.then(
      () => logger.error({ err: crash }, `${error.message}; it is started again`),
      (reason: unknown) => logger.error({ err: reason }, `the index cannot be opened: ${describeError(reason)}`),
    )
    if (clock.monotonic() - this.#startedAt > STABLE) this.#failures = 0
    // At once the first time: queries wait for it. Then more and more slowly.
    const wait = this.#failures === 0 ? 0 : backoff(this.#failures - 1)
    this.#failures++
    this.#worker = sleep(wait, clock, this.#ending.signal).then(() => this.#start())
    this.#worker.then(
      () => void this.follow(),
      () => {},
    )
  }
}

/** Whoever gets a page has each of its messages to do something with. */
function costOf(value: unknown): number {
  return 1 + ((value as Partial<HistoryPage> | undefined)?.messages?.length ?? 0)
}

function fromWire({ code, message }: WireError): StorageError {
  return new StorageError(code, message)
}

function crashError(cause: Error | undefined): StorageError {
  const what = cause ? `: ${describeError(cause)}` : ''
  return new StorageError(
    'ERR_HUB_INDEX',
    `the index worker has stopped${what}; what it had not answered may be repeated`,
    {
      cause,
    },
  )
}

/** Node 22 calls its SQLite experimental on standard error; that is ours to know, not our users'. */
function quietFlags(): string[] {
  const [major = 0] = process.versions.node.split('.').map(Number)
  return major >= 22 ? ['--disable-warning=ExperimentalWarning'] : []
}
