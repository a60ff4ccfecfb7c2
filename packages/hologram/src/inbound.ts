import { AbortError, describeError, HalyardError, holdProcess, throwIfAborted, UsageError } from '@halyard/core'
import type { Clock, Logger, WaitOptions } from '@halyard/core'
import type { Endpoint } from './endpoint.ts'
import { Inbox } from './inbox.ts'
import type { Incoming, IncomingEvents, Listener, Listening } from './listener.ts'
import { Receiving } from './receiving.ts'
import type { ReceivingLimits } from './receiving.ts'
import { seldomWarning } from './seldom.ts'
import type { ReceivedMessage } from './types.ts'

/** What all that comes in may cost. */
export interface InboundLimits {
  /** seconds of silence that end a message; 5, as in the original */
  readonly silence: number
  /** seconds that one message may take in all; 300 */
  readonly duration: number
  /** bytes of one message; 1 MiB */
  readonly maxBytes: number
  /** connections at once; 64 */
  readonly maxConnections: number
  /** bytes of all unfinished messages together; 8 MiB */
  readonly maxHeld: number
}

const LIMITS: InboundLimits = {
  silence: 5,
  duration: 300,
  maxBytes: 1024 * 1024,
  maxConnections: 64,
  maxHeld: 8 * 1024 * 1024,
}

export interface InboundOptions {
  /** Where to listen, asked when it begins; throws a `UsageError` if that is not set. */
  readonly endpoint: () => Endpoint
  readonly listener: Listener
  readonly limits?: Partial<InboundLimits>
  readonly clock: Clock
  readonly logger: Logger
  readonly onMessage: (message: ReceivedMessage) => void
  readonly onError: (error: HalyardError) => void
  /** It listens there now. */
  readonly onListening: (endpoint: Endpoint) => void
}

/** By default nobody may notice that it listens; whoever asked for it waits for it. */
export type Wanted = 'by default' | 'asked for'

interface Open {
  readonly endpoint: Endpoint
  readonly listening: Listening
}

/** The inbound socket: whether it listens, what comes in, and who gets it. docs/protocols/hologram.md §8 */
export class Inbound {
  readonly #options: InboundOptions
  readonly #limits: InboundLimits
  readonly #logger: Logger
  readonly #inbox: Inbox
  readonly #receiving = new Set<Receiving>()
  #held = 0
  #open: Open | undefined
  /** The last of the openings and closings, which go one after the other; never rejects. */
  #turn: Promise<unknown> = Promise.resolve()
  /** What opening came to, undefined before the first; for those who wait for messages. */
  #opening: Promise<void> | undefined
  /** Closings so far: an opening that was overtaken by one opens nothing. */
  #closings = 0
  #over = false

  constructor(options: InboundOptions) {
    this.#options = options
    this.#limits = { ...LIMITS, ...options.limits }
    this.#logger = seldomWarning(options.logger, options.clock)
    this.#inbox = new Inbox(this.#logger)
  }

  /** Listens, in a later turn. When it cannot, log and event have it, or the log alone if it was by default. */
  start(wanted: Wanted): void {
    this.#begin(wanted).catch((error: HalyardError) => {
      if (wanted === 'by default') {
        this.#logger.warn({ err: error }, `nothing is received: ${error.message}; or pass enableInbound: false`)
      } else this.#options.onError(error)
    })
  }

  /** Resolves when it listens where it shall; the signal ends the waiting alone. */
  async open({ signal }: WaitOptions): Promise<void> {
    throwIfAborted(signal)
    this.#options.endpoint()
    await abortable(this.#begin('asked for'), signal)
  }

  /** Listens no more. What is on its way in may still arrive. */
  async close(): Promise<void> {
    this.#closings++
    await this.#next(() => this.#shut())
  }

  consume(): string {
    return this.#inbox.consume()
  }

  messages(options: WaitOptions): AsyncIterable<ReceivedMessage> {
    const stream = this.#inbox.stream(options, () => this.#opening ?? Promise.reject(nothingListens()))
    if (this.#over) stream.end()
    return stream
  }

  /** The end of everything: what is on its way in is broken off. */
  async dispose(): Promise<void> {
    this.#over = true
    await this.close()
    for (const receiving of this.#receiving) receiving.abandon()
    this.#inbox.close()
  }

  #begin(wanted: Wanted): Promise<void> {
    const closings = this.#closings
    const opening = this.#next(async () => {
      if (this.#over) throw new HalyardError('ERR_HOLOGRAM_CLOSED', 'this cloud is closed; make a new one')
      if (closings === this.#closings) await this.#listen(wanted)
    })
    this.#opening = opening
    return opening
  }

  async #listen(wanted: Wanted): Promise<void> {
    const { endpoint: endpointOf, listener, onListening } = this.#options
    const endpoint = endpointOf()
    if (!this.#open || !isSame(this.#open.endpoint, endpoint)) {
      this.#shut()
      this.#open = await this.#listenAt(endpoint, listener)
      onListening(this.#open.endpoint)
      const { host, port } = this.#open.endpoint
      this.#logger[wanted === 'asked for' ? 'info' : 'debug']({ port }, `Listening on ${host}:${port}`)
    }
    if (wanted === 'asked for') this.#open.listening.keepAlive()
  }

  async #listenAt(endpoint: Endpoint, listener: Listener): Promise<Open> {
    try {
      const listening = await listener.listen(endpoint, {
        connected: (incoming) => this.#receive(incoming),
        failed: (error) => this.#logger.warn({ err: error }, 'a connection could not be accepted'),
      })
      return { listening, endpoint: { ...endpoint, port: listening.port } }
    } catch (error) {
      throw listenError(error, endpoint)
    }
  }

  #shut(): void {
    this.#open?.listening.close()
    this.#open = undefined
  }

  #receive(incoming: Incoming): IncomingEvents | undefined {
    const { maxConnections, maxBytes, maxHeld, silence, duration } = this.#limits
    if (this.#over || this.#receiving.size >= maxConnections) {
      const { remoteAddress } = incoming
      this.#logger.warn({ remoteAddress }, `a connection was refused: there are ${maxConnections} already`)
      return undefined
    }
    const limits: ReceivingLimits = { silence: silence * 1000, duration: duration * 1000, maxBytes }
    const receiving = new Receiving(incoming, limits, this.#options.clock, {
      hold: (bytes) => {
        if (this.#held + bytes > maxHeld) return false
        this.#held += bytes
        return true
      },
      message: (bytes, remoteAddress) => this.#arrived(bytes, remoteAddress),
      broken: (problem, remoteAddress, bytes) =>
        this.#logger.warn({ remoteAddress, bytes }, `an inbound message was dropped: ${problem}`),
      over: (one, bytes) => {
        this.#held -= bytes
        this.#receiving.delete(one)
      },
    })
    this.#receiving.add(receiving)
    return receiving
  }

  #arrived(bytes: Uint8Array, remoteAddress: string): void {
    const { clock, onMessage } = this.#options
    const message = this.#inbox.put(bytes, remoteAddress, new Date(clock.now()))
    this.#logger.info({ remoteAddress }, `Received message of length ${bytes.length}`)
    onMessage(message)
  }

  /** After whatever was begun before, also if that failed. Keeps the process alive meanwhile. */
  #next<T>(action: () => T | Promise<T>): Promise<T> {
    const release = holdProcess()
    const turn = this.#turn.then(action).finally(release)
    this.#turn = turn.catch(() => {})
    return turn
  }
}

function isSame(open: Endpoint, wanted: Endpoint): boolean {
  return open.host === wanted.host && open.port === wanted.port
}

/** The promise, or the signal if that comes first. */
function abortable(promise: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (!signal) return promise
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(new AbortError(signal.reason))
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

function nothingListens(): UsageError {
  return new UsageError(
    'ERR_HOLOGRAM_INBOUND',
    'nothing listens for messages: call openReceiveSocket() first, or pass enableInbound: true',
  )
}

function listenError(error: unknown, { host, port }: Endpoint): HalyardError {
  const { code } = error as { code?: unknown }
  const cause = { cause: error }
  switch (code) {
    case 'EADDRINUSE':
      return new UsageError(
        'ERR_INBOUND_PORT',
        `port ${port} on ${host} is taken by another program; stop that, or set another receivePort`,
        cause,
      )
    case 'EACCES':
    case 'EPERM':
      return new UsageError(
        'ERR_INBOUND_PORT',
        `no permission to listen on port ${port} of ${host}; set a receivePort above 1023`,
        cause,
      )
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new UsageError(
        'ERR_INBOUND_HOST',
        `${host} is no address of this machine; set receiveHost to 0.0.0.0, 127.0.0.1 or an address that it has`,
        cause,
      )
    default:
      return new UsageError('ERR_INBOUND_PORT', `cannot listen on ${host}:${port}: ${describeError(error)}`, cause)
  }
}
