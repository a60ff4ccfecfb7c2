import { describeError, HalyardError, secondsToMilliseconds, throwIfAborted } from '@halyard/core'
import type {
  Attachment,
  Clock,
  Delivery,
  Logger,
  Outbox,
  OutboxEntry,
  OutboxMessage,
  WaitOptions,
} from '@halyard/core'
import { ERR_BUFFERED } from '@halyard/wire/hologram'
import type { Connector } from './connector.ts'
import { exchange } from './exchange.ts'
import type { MessageBody } from './message-body.ts'
import { RecentResults, resultFromLedger, resultOf } from './results.ts'
import type { Account, Call, MessageKind, Service, UncheckedCall, Verdict } from './service.ts'
import type { SendOptions, SendResult } from './types.ts'

const DEFAULT_TIMEOUT_SECONDS = 5

/** What the options say besides the call itself. */
export type Timing = Omit<SendOptions, 'topics'>

export interface SenderOptions {
  readonly service: Service
  /** Asked whenever something goes out. */
  readonly account: () => Account
  readonly outbox: Promise<Outbox>
  /** Whether `close()` closes the outbox as well. */
  readonly ownsOutbox: boolean
  readonly connector: Connector
  readonly clock: Clock
  readonly logger: Logger
  /** Whether the network is up at the start. */
  readonly up: boolean
  readonly onSent: (result: SendResult) => void
  readonly onError: (error: HalyardError) => void
}

/**
 * Between the outbox, which says what goes out and when, and the exchange, which does it: hands calls to the one,
 * delivers for it with the other, and keeps what the service said for whoever waits.
 */
export class Sender {
  readonly #options: SenderOptions
  readonly #results = new RecentResults()
  readonly #onWire = new Set<Promise<Delivery>>()
  #attached: { readonly destination: string; readonly attachment: Attachment } | undefined
  #up: boolean
  #closing: Promise<void> | undefined

  constructor(options: SenderOptions) {
    this.#options = options
    this.#up = options.up
    // What an earlier process queued goes out without waiting for a first call.
    this.follow()
  }

  /** Throws for what the caller must mend, as `send` rejects for it. */
  check(kind: MessageKind, body: MessageBody, call: UncheckedCall, options: Timing): void {
    const { service, account } = this.#options
    this.#refuseIfClosed()
    service.checkAccount(account())
    kind.check(body, call)
    if (options.timeout !== undefined) secondsToMilliseconds('timeout', options.timeout)
    if (options.expires !== undefined) secondsToMilliseconds('expires', options.expires)
    throwIfAborted(options.signal)
  }

  async send(kind: MessageKind, body: MessageBody, call: Call, options: Timing): Promise<SendResult> {
    const { service, account, outbox, logger } = this.#options
    this.check(kind, body, call, options)
    const concern = kind.concern?.(body)
    if (concern !== undefined) logger.warn({}, concern)
    const { timeout = DEFAULT_TIMEOUT_SECONDS, ...control } = options
    const submission = {
      destination: service.destination(account()),
      kind: kind.name,
      body: body.bytes,
      options: storedOptions(body, call, timeout),
      atMostOnce: kind.atMostOnce,
    }
    const opened = await outbox
    this.#refuseIfClosed()
    this.#attach(opened)
    return this.#resultOf(await opened.submit(submission, control))
  }

  /** The account may be another one now: deliver for it. */
  follow(): void {
    const { outbox, onError } = this.#options
    outbox.then(
      (opened) => {
        try {
          this.#attach(opened)
        } catch (error) {
          onError(error as HalyardError)
        }
      },
      // Whoever opened the outbox reports that it failed.
      () => {},
    )
  }

  /** The network is down: what is sent waits. */
  hold(): void {
    this.#up = false
    this.#attached?.attachment.hold()
  }

  /** The network is up: what waits goes out. */
  release(): void {
    this.#up = true
    this.#attached?.attachment.release()
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#finish())
  }

  async #finish(): Promise<void> {
    const outbox = await this.#options.outbox.catch(() => undefined)
    if (this.#options.ownsOutbox) await outbox?.close()
    this.#attached?.attachment[Symbol.dispose]()
    this.#attached = undefined
    await Promise.allSettled(this.#onWire)
  }

  #refuseIfClosed(): void {
    if (this.#closing === undefined) return
    throw new HalyardError('ERR_HOLOGRAM_CLOSED', `this ${this.#options.service.className} is closed; make a new one`)
  }

  /** A queue belongs to its account: it goes out while a cloud has that account, and waits otherwise. */
  #attach(outbox: Outbox): void {
    const destination = this.#destination()
    if (this.#closing !== undefined || destination === this.#attached?.destination) return
    this.#attached?.attachment[Symbol.dispose]()
    this.#attached = undefined
    if (destination === undefined) return
    const attachment = outbox.attach(destination, (message, options) => this.#deliver(destination, message, options))
    this.#attached = { destination, attachment }
    if (this.#up) attachment.release()
    else attachment.hold()
  }

  /** `undefined` while credentials or address are not usable. */
  #destination(): string | undefined {
    const { service, account } = this.#options
    const current = account()
    try {
      service.checkAccount(current)
      return service.destination(current)
    } catch {
      return undefined
    }
  }

  async #deliver(destination: string, message: OutboxMessage, options: WaitOptions): Promise<Delivery> {
    const delivery = this.#attempt(destination, message, options)
    this.#onWire.add(delivery)
    try {
      return await delivery
    } finally {
      this.#onWire.delete(delivery)
    }
  }

  async #attempt(destination: string, message: OutboxMessage, options: WaitOptions): Promise<Delivery> {
    const { service, connector, clock, logger } = this.#options
    const account = this.#options.account()
    if (this.#destination() !== destination) return { outcome: 'retry', reason: 'this cloud has another account now' }
    const kind = [service.message, service.sms].find((one) => one?.name === message.kind)
    if (!kind) return { outcome: 'retry', reason: `nobody here can deliver ${message.kind}` }
    const { timeout, ...call } = callOf(message)
    const { host, port } = account.endpoint
    try {
      const made = kind.request(account, message.body, call)
      const bytes = made instanceof Uint8Array ? made : await made
      logger.info({ id: message.id, port }, `Connecting to ${host}`)
      logger.debug({ id: message.id }, `Sending message of length ${bytes.length}...`)
      const isComplete = (response: Uint8Array): boolean => kind.isComplete(bytes, response)
      const { maxResponse, answersAtOnce } = service
      const request = {
        endpoint: account.endpoint,
        bytes,
        timeout: timeout * 1000,
        maxResponse,
        answersAtOnce,
        isComplete,
      }
      const result = await exchange(request, connector, clock, options)
      return this.#conclude(message, kind.judge(bytes, result))
    } catch (error) {
      // What can never become a request would keep everything behind it waiting for ever.
      if (error instanceof HalyardError && UNSENDABLE.has(error.code)) {
        return { outcome: 'refused', reason: error.code }
      }
      return this.#conclude(message, { outcome: 'retry', reason: describeError(error) })
    }
  }

  #conclude(message: OutboxMessage, verdict: Verdict): Delivery {
    const { logger, onSent } = this.#options
    const { id } = message
    if (verdict.outcome === 'retry') {
      logger.warn({ id }, `The message could not be sent: ${verdict.reason}; it stays in the outbox`)
      return verdict
    }
    const wasBuffered = message.attempts > 0 || this.#results.get(id)?.buffered === true
    const result = resultOf(id, verdict.code, verdict.description)
    this.#results.add(result)
    if (verdict.outcome === 'refused') {
      logger.error({ id, code: result.code }, verdict.description ?? `The message was refused: ${result.description}`)
      return { outcome: 'refused', reason: result.name }
    }
    const sent = 'Message sent successfully'
    const replayed = 'A buffered message has been sent since an active connection is established'
    logger.info({ id }, wasBuffered ? replayed : sent)
    onSent(result)
    return { outcome: 'delivered' }
  }

  #resultOf(entry: OutboxEntry): SendResult {
    if (entry.state === 'queued') {
      const buffered = resultOf(entry.id, ERR_BUFFERED)
      this.#results.add(buffered)
      return buffered
    }
    const kept = this.#results.get(entry.id)
    if (kept && !kept.buffered) return kept
    return resultFromLedger(entry, this.#options.service.deliveredDescription)
  }
}

/** Errors of a request that can never be made, whenever it is tried. */
const UNSENDABLE: ReadonlySet<string> = new Set(['ERR_HOLOGRAM_MESSAGE', 'ERR_HOLOGRAM_SMS'])

/** The call as it is kept: what is as usual is left out. */
function storedOptions(
  body: MessageBody,
  { topics, destination }: Call,
  timeout: number,
): Record<string, unknown> | undefined {
  const options = {
    ...(!body.text && { text: false }),
    ...(topics !== undefined && { topics: [...topics] }),
    ...(destination !== undefined && { destination }),
    ...(timeout !== DEFAULT_TIMEOUT_SECONDS && { timeout }),
  }
  return Object.keys(options).length === 0 ? undefined : options
}

/** What was kept comes from a disk: whatever does not look like a call is as if it was left out. */
function callOf({ options }: OutboxMessage): Call & { timeout: number } {
  const { topics, destination, timeout } = options
  return {
    topics: Array.isArray(topics) ? topics.filter((topic) => typeof topic === 'string') : undefined,
    destination: typeof destination === 'string' ? destination : undefined,
    timeout: typeof timeout === 'number' ? timeout : DEFAULT_TIMEOUT_SECONDS,
  }
}
