/** An outbox on a fault disk, with a clock and peers that the scenario commands, and a witness of all it promises. */
import { Outbox } from '@halyard/core'
import type {
  AttachOptions,
  Deliver,
  DeliverOptions,
  Delivery,
  OutboxMessage,
  OutboxOptions,
  Priority,
  SendControl,
} from '@halyard/core'
import { nodeClock } from '@halyard/core/node'
import { VirtualClock } from '@halyard/testkit'
import type { FaultDisk } from '@halyard/testkit'
import { checkPromises, isAtMostOnce, laneOf } from './promises.ts'
import type { Fact } from './promises.ts'

export const DIRECTORY = '/box/outbox'
/** So short that a scenario of a few dozen messages turns segments over and compacts. */
const SEGMENT_BYTES = 700

export interface SendOptions extends SendControl {
  readonly size?: number
}

export type Answer = Delivery['outcome'] | 'throw'

/** What a peer answers; a promise of an answer is one that is on its way when the power goes. */
export type Peer = (message: OutboxMessage, options: DeliverOptions) => Answer | Promise<Answer>

export interface StageOptions {
  readonly disk: FaultDisk
  readonly promise: (fact: Fact) => void
  /** Whether the disk may fail: then sends, opening and closing may be refused, with a storage error. */
  readonly mayFail?: boolean
  /** Whether it works now: then the outbox must work too. */
  readonly works?: () => boolean
}

export class Stage {
  readonly disk: FaultDisk
  readonly clock: VirtualClock = new VirtualClock()
  outbox: Outbox | undefined
  readonly #promise: (fact: Fact) => void
  readonly #mayFail: boolean
  readonly #works: () => boolean
  readonly #numbers = new Map<string, number>()
  readonly #unexpected: unknown[] = []
  /** sends of which nothing was heard yet */
  #pending = 0
  #refused = 0

  constructor(options: StageOptions) {
    this.disk = options.disk
    this.#promise = options.promise
    this.#mayFail = options.mayFail ?? false
    this.#works = options.works ?? (() => false)
  }

  async open(options: OutboxOptions = {}): Promise<void> {
    const ports = { disk: this.disk, clock: this.clock, random: () => 0.5, segmentBytes: SEGMENT_BYTES }
    const outbox = await this.#try(Outbox.open({ path: DIRECTORY, ...options }, ports))
    this.outbox = outbox
    outbox?.on('queued', ({ id }) => this.#promise({ what: 'queued', id }))
    outbox?.on('delivered', ({ id }) => this.#promise({ what: 'delivered', id }))
    outbox?.on('dropped', ({ id }) => this.#promise({ what: 'dropped', id }))
  }

  async close(): Promise<void> {
    if (this.outbox === undefined) return
    if (this.#works()) await this.#probe()
    await this.#try(this.outbox.close())
    this.outbox = undefined
    await this.settle()
    if (this.#pending > 0) throw new Error(`${this.#pending} sends never came to an end`)
  }

  /** The disk works again: a message must be taken. */
  async #probe(): Promise<void> {
    const before = this.#refused
    this.send('b')
    await this.pass(0)
    if (this.#refused > before) throw new Error('the disk works again and the outbox does not')
  }

  async reopen(options: OutboxOptions = {}): Promise<void> {
    await this.close()
    // A lock that a failing disk did not let go is let go by the end of its process.
    if (this.#mayFail) forgetOwner(this.disk, nodeClock().bootId)
    await this.open(options)
  }

  /** Begins a send to `<destination>/<priority>`; what it promises is noted when it does. */
  send(destination: string, { size = 40, ...control }: SendOptions = {}): string {
    const priority: Priority = control.priority ?? 'normal'
    const lane = `${destination}/${priority}`
    const number = (this.#numbers.get(lane) ?? 0) + 1
    this.#numbers.set(lane, number)
    const id = `${lane}:${number}${destination === 'sms' ? '!' : ''}`
    this.#begin(id, new Uint8Array(size).fill(number), control)
    return id
  }

  /** What an earlier send said once more, with the same name. */
  sendAgain(id: string): void {
    this.#begin(id, new Uint8Array(40), {})
  }

  attach(destination: string, peer: Peer, how: AttachOptions = {}): void {
    const deliver: Deliver = async (message, options) => {
      const answer = peer(message, options)
      if (answer !== 'retry') this.#promise({ what: 'sent', id: message.id })
      const outcome = await answer
      if (outcome === 'throw') throw new Error('the connection broke')
      return outcome === 'delivered' ? { outcome } : { outcome, reason: 'the peer said so' }
    }
    this.outbox?.attach(destination, deliver, how)
  }

  /** A message gets to a stage; on a disk that fails the attempt fails with it. */
  async reach({ id }: OutboxMessage, stage: number, { advance }: DeliverOptions): Promise<void> {
    await advance(stage)
    this.#promise({ what: 'reached', id, stage })
  }

  /** Waits until nothing moves any more but by the clock. */
  async settle(): Promise<void> {
    for (let still = 0, before = -1; still < 4; before = this.disk.operations) {
      await new Promise(setImmediate)
      still = this.disk.operations === before ? still + 1 : 0
    }
    if (this.#unexpected.length > 0) throw this.#unexpected[0]
  }

  async pass(seconds: number): Promise<void> {
    await this.clock.advance(seconds * 1000)
    await this.settle()
  }

  #begin(id: string, body: Uint8Array, control: SendControl): void {
    if (this.outbox === undefined) return
    const [destination = ''] = laneOf(id).split('/')
    const submission = { destination, kind: 'proof', body, options: { topics: [id] }, atMostOnce: isAtMostOnce(id) }
    this.#pending++
    void this.outbox.submit(submission, { ...control, id }).then(
      ({ state }) => {
        this.#pending--
        if (state === 'queued') this.#promise({ what: 'queued', id })
      },
      (error: unknown) => {
        this.#pending--
        this.#refused++
        this.#promise({ what: 'refused', id })
        if (!this.#mayFail || !isStorageError(error)) this.#unexpected.push(error)
      },
    )
  }

  async #try<T>(promise: Promise<T>): Promise<T | undefined> {
    try {
      return await promise
    } catch (error) {
      if (this.#mayFail && isStorageError(error)) return undefined
      throw error
    }
  }
}

/** Opens what is on a disk as a process of a later boot would, lets everything go out, and checks every promise. */
export async function checkDisk(disk: FaultDisk, facts: readonly Fact[]): Promise<void> {
  forgetOwner(disk)
  const handed: string[] = []
  const stages = new Map<string, number>()
  const run = async (): Promise<ReadonlyMap<string, string>> => {
    const ports = { disk, clock: new VirtualClock(), segmentBytes: SEGMENT_BYTES }
    const outbox = await Outbox.open({ path: DIRECTORY, drainRate: undefined }, ports)
    for (const destination of ['a', 'b', 'sms', 'stages']) {
      outbox.attach(destination, ({ id, body, options, stage }) => {
        const topics = (options['topics'] as unknown[] | undefined)?.[0]
        if (topics !== id || body.length === 0) throw new Error(`${id} came back changed`)
        handed.push(id)
        stages.set(id, stage)
        return Promise.resolve({ outcome: 'delivered' })
      })
    }
    await outbox.idle()
    const states = new Map<string, string>()
    for await (const { id, state } of outbox.entries()) states.set(id, state)
    await outbox.close()
    return states
  }
  const states = await run()
  checkPromises(facts, { handed, stateOf: (id) => states.get(id), stageOf: (id) => stages.get(id) })
  const before = handed.length
  const again = await run()
  if (handed.length > before) throw new Error(`what was delivered goes out again: ${handed.slice(before).join(' ')}`)
  for (const [id, state] of states) if (again.get(id) !== state) throw new Error(`the ledger forgets ${id}`)
}

/** The lock names a process that is gone. */
export function forgetOwner(disk: FaultDisk, bootId: string = 'an earlier boot'): void {
  const gone = Buffer.from(JSON.stringify({ pid: 1, started: 'never', bootId }))
  for (const path of disk.files()) {
    const isLock = /\/lock\.\d+$/.test(path)
    if (isLock && disk.readFile(path).length > 1) disk.writeFile(path, gone)
  }
}

function isStorageError(error: unknown): boolean {
  const { name, code, message } = error as { name?: unknown; code?: unknown; message?: unknown }
  return name === 'StorageError' && /^ERR_STORE_[A-Z_]+$/.test(String(code)) && String(message).length > 20
}
