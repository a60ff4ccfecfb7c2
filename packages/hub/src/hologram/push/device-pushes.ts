import { randomUUID } from 'node:crypto'
import { AbortError, HalyardError, Outbox, StorageError, UsageError, throwIfAborted } from '@halyard/core'
import type { BackoffOptions, Delivery, OutboxEntry, OutboxMessage } from '@halyard/core'
import type { Disk } from '@halyard/core/node'
import type { Devices } from '../../domain/devices.ts'
import type { Push, PushRequest, PushWait, Pushes } from '../../domain/pushes.ts'
import { PushDelivery } from './delivery.ts'
import type { PushDeliveryParts } from './delivery.ts'
import { checkRequest, unknownDevice } from './request.ts'
import { DeviceQueue, Turns } from './turns.ts'

const PREFIX = 'hologram:'

/** Of `queuedBytes`, each message takes so much at least: many small ones fill the memory too. */
const LEAST_BYTES = 1024

/** After a failure; whoever is heard of is tried at once. */
const REST: BackoffOptions = { base: 1, cap: 300 }
/** There is nowhere to connect to: the reason to look again is that the account may be gone. */
const REST_UNHEARD: BackoffOptions = { base: 1800, cap: 3600 }

export interface DevicePushesParts extends PushDeliveryParts {
  /** A directory of its own; none: in memory. */
  readonly path: string | undefined
  readonly disk: Disk
  readonly devices: Pick<Devices, 'find' | 'locate' | 'onSeen'>
  /** 0 ≤ x < 1; `Math.random` */
  readonly random?: () => number
}

/**
 * Messages to devices: one outbox, in which each device is a destination with its own order. `Turns` says whose messages
 * may go out; a device that is owed nothing costs nothing.
 */
export class DevicePushes implements Pushes {
  readonly #parts: DevicePushesParts
  readonly #outbox: Outbox
  readonly #delivery: PushDelivery
  readonly #turns: Turns
  readonly #queues = new Map<string, DeviceQueue>()
  /** By id: who waits for a message to be on the disk. */
  readonly #keeping = new Map<string, () => void>()
  readonly #stopListening: () => void
  #closed: Promise<void> | undefined

  private constructor(outbox: Outbox, parts: DevicePushesParts) {
    const { clock, random, limits, devices } = parts
    this.#parts = parts
    this.#outbox = outbox
    this.#delivery = new PushDelivery(parts)
    this.#turns = new Turns({
      clock,
      random,
      places: limits.connections,
      attach: (queue) =>
        outbox.attach(PREFIX + queue.cloudId, (message, { signal }) => this.#deliver(queue, message, signal)),
    })
    const onSettled = (entry: OutboxEntry): void => this.#forget(cloudIdOf(entry), entry.id)
    outbox.on('queued', ({ id }) => this.#keeping.get(id)?.())
    outbox.on('delivered', onSettled)
    outbox.on('dropped', onSettled)
    this.#stopListening = devices.onSeen((account) => this.#heard(account))
  }

  /** Goes on with what an earlier process left. @throws {StorageError} `ERR_STORE_…` */
  static async open(parts: DevicePushesParts): Promise<DevicePushes> {
    const { path, disk, clock, logger, limits } = parts
    const outbox = await Outbox.open(
      {
        ...(path !== undefined && { path }),
        maxMessages: Math.max(1, Math.floor(limits.queuedBytes / LEAST_BYTES)),
        maxBytes: limits.queuedBytes,
        maxAge: limits.maxAge,
        concurrency: limits.connections,
        overflow: 'reject',
      },
      { clock, logger, disk },
    )
    const pushes = new DevicePushes(outbox, parts)
    await pushes.#resume()
    return pushes
  }

  /** Seconds for which a message is tried. */
  get maxAge(): number {
    return this.#parts.limits.maxAge
  }

  /** Devices that are tried at this moment. */
  get trying(): number {
    return this.#turns.trying
  }

  async push(request: PushRequest, { signal }: PushWait = {}): Promise<Push> {
    throwIfAborted(signal)
    const { first } = await this.#submit(request)
    return pushOf(await unlessAborted(first, signal))
  }

  /** Resolves as soon as it lasts, whether it is delivered or not: the first half of {@link push}, which throws the same. */
  async keep(request: PushRequest): Promise<Push> {
    const { promise: kept, resolve } = deferred()
    const { id, first } = await this.#submit(request, resolve)
    const entry = await Promise.race([first, kept])
    return entry ? pushOf(entry) : this.#known(request.cloudId, id)
  }

  async settled(cloudId: string, id: string, { signal }: PushWait = {}): Promise<Push> {
    this.#known(cloudId, id)
    try {
      return pushOf(await this.#outbox.settled(id, { signal }))
    } catch (error) {
      throw isCode(error, 'ERR_OUTBOX_CLOSED') ? closedError() : error
    }
  }

  async list(cloudId: string): Promise<readonly Push[]> {
    const pushes: Push[] = []
    for await (const entry of this.#outbox.entries({ destination: PREFIX + cloudId })) pushes.push(this.#pushOf(entry))
    return pushes
  }

  find(cloudId: string, id: string): Push | undefined {
    const entry = this.#outbox.why(id)
    return entry?.destination === PREFIX + cloudId ? this.#pushOf(entry) : undefined
  }

  async drop(cloudId: string, id: string): Promise<boolean> {
    if (this.#closed) throw closedError()
    return this.find(cloudId, id) === undefined ? false : this.#outbox.drop(id)
  }

  queued(cloudId: string): number {
    return this.#queues.get(cloudId)?.owed.size ?? 0
  }

  /** Waits for what is on the wire; what is queued stays if there is a path. Idempotent. */
  close(): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  async #close(): Promise<void> {
    this.#stopListening()
    this.#turns.close(this.#queues.values())
    this.#delivery.close()
    await this.#outbox.close()
  }

  async #resume(): Promise<void> {
    for await (const { id, destination } of this.#outbox.entries({ state: 'queued' })) {
      this.#queueOf(cloudIdOf({ destination })).owed.add(id)
    }
    for (const queue of this.#queues.values()) this.#turns.want(queue)
  }

  /** `first`: what its sender is told, which is when it is delivered, or dropped, or known to wait. */
  async #submit(
    request: PushRequest,
    onKept?: () => void,
  ): Promise<{ readonly id: string; readonly first: Promise<OutboxEntry> }> {
    const { accounts, limits } = this.#parts
    if (this.#closed) throw closedError()
    const { cloudId } = request
    const options = { ...checkRequest(request, limits) }
    // The caller may use its bytes again while the account is looked up.
    const body = new Uint8Array(request.payload)
    if ((await accounts.find(cloudId)) === undefined) throw unknownDevice(cloudId)
    if (this.#closed) throw closedError()
    const queue = this.#queueOf(cloudId)
    if (queue.owed.size >= limits.queuedPerDevice) {
      const what = `${queue.owed.size} messages wait for device ${cloudId}, as many as hologram.push.queuedPerDevice allows`
      throw new HalyardError('ERR_HUB_PUSH_FULL', `${what}; wait until it has some, or drop some`)
    }
    const id = randomUUID()
    queue.owed.add(id)
    // First its turn, if there is a place: then the message goes from memory to the wire.
    this.#turns.want(queue)
    const submission = { destination: PREFIX + cloudId, kind: 'hologram.push', body, options }
    const first = this.#outbox.submit(submission, { id }).catch((error: unknown) => {
      this.#forget(cloudId, id)
      throw submitError(error)
    })
    if (onKept) {
      this.#keeping.set(id, onKept)
      first.finally(() => this.#keeping.delete(id)).catch(() => {})
    }
    // Whoever stopped waiting does not hear of it.
    first.catch(() => {})
    return { id, first }
  }

  #queueOf(cloudId: string): DeviceQueue {
    let queue = this.#queues.get(cloudId)
    if (queue === undefined) {
      queue = new DeviceQueue(cloudId, this.#parts.devices.find(cloudId) === undefined)
      this.#queues.set(cloudId, queue)
    }
    return queue
  }

  #forget(cloudId: string, id: string): void {
    const queue = this.#queues.get(cloudId)
    if (!queue?.owed.delete(id) || queue.owed.size > 0) return
    this.#queues.delete(cloudId)
    this.#turns.end(queue)
  }

  /** Called for every message that any device sends: one look into a map, mostly an empty one. */
  #heard(account: string): void {
    const queue = this.#queues.get(account)
    if (queue !== undefined) this.#turns.heard(queue)
  }

  async #deliver(queue: DeviceQueue, message: OutboxMessage, signal: AbortSignal | undefined): Promise<Delivery> {
    const { cloudId } = queue
    this.#turns.began(queue)
    const onConnecting = (): void => this.#turns.connecting(queue)
    const attempt = await this.#delivery.attempt(cloudId, message, { signal, onConnecting })
    if (attempt.outcome === 'delivered') this.#turns.delivered(queue)
    // One that was ended from here says nothing of the device.
    if (attempt.outcome === 'retry' && !signal?.aborted) {
      const { reason, unheard } = attempt
      this.#parts.logger.debug({ cloudId, id: message.id }, `a message to device ${cloudId} waits: ${reason}`)
      this.#turns.failed(queue, reason, unheard ? REST_UNHEARD : REST)
    }
    return attempt
  }

  /** @throws {UsageError} `ERR_HUB_PUSH_UNKNOWN` */
  #known(cloudId: string, id: string): Push {
    const push = this.find(cloudId, id)
    if (push) return push
    const what = 'the hub knows no such message to this device; only the last of those that are settled are remembered'
    throw new UsageError('ERR_HUB_PUSH_UNKNOWN', what)
  }

  /** What waits behind a message that failed waits for that one: it may name an address that is good. */
  #pushOf(entry: OutboxEntry): Push {
    if (entry.state !== 'queued' || entry.reason !== undefined) return pushOf(entry)
    const reason = this.#queues.get(cloudIdOf(entry))?.reason
    return pushOf(entry, reason && `it waits behind an older message to this device: ${reason}`)
  }
}

function cloudIdOf({ destination }: Pick<OutboxEntry, 'destination'>): string {
  return destination.slice(PREFIX.length)
}

function pushOf(entry: OutboxEntry, reason: string | undefined = entry.reason): Push {
  const { id, state, attempts, size, queuedAt, settledAt } = entry
  return {
    id,
    cloudId: cloudIdOf(entry),
    state,
    attempts,
    size,
    queuedAt,
    ...(reason !== undefined && { reason }),
    ...(settledAt && { settledAt }),
  }
}

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => {}
  const promise = new Promise<void>((done) => (resolve = done))
  return { promise, resolve }
}

async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise
  let onAbort = (): void => {}
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(new AbortError(signal.reason))
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  })
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener('abort', onAbort))
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof HalyardError && error.code === code
}

function submitError(error: unknown): unknown {
  if (isCode(error, 'ERR_OUTBOX_CLOSED')) return closedError()
  if (!isCode(error, 'ERR_OUTBOX_FULL')) return error
  const what = 'the messages that wait for devices fill all that hologram.push.queuedBytes allows'
  return new HalyardError('ERR_HUB_PUSH_FULL', `${what}; wait until some are delivered, or drop some`, { cause: error })
}

function closedError(): HalyardError {
  return new StorageError(
    'ERR_HUB_CLOSED',
    'the hub is closed; start it again: what was queued in its data directory goes out then',
  )
}
