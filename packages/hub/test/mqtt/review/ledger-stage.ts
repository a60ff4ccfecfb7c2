import type { Packet } from '@halyard/wire/mqtt'
import { VirtualClock } from '@halyard/testkit'
import type { CommitListener, CommitWaiter, Journal, JournalRecord, Lsn } from '../../../src/domain/ports.ts'
import type { Principal } from '../../../src/mqtt/dialect.ts'
import { OpenLedger } from '../../../src/mqtt/ledger/open.ts'
import { DEFAULT_MQTT_LIMITS } from '../../../src/mqtt/limits.ts'
import type { MqttLimits } from '../../../src/mqtt/limits.ts'
import type { Publication } from '../../../src/mqtt/publication.ts'
import { MqttServer } from '../../../src/mqtt/server.ts'
import { MemoryMessageHistory } from '../../../src/store/memory-message-history.ts'
import { MemoryMessages } from '../../../src/store/memory-messages.ts'
import { MemoryClient, OpenDialect } from '../stage.ts'

/** As of the segment log. */
const MAX_RECORD = 32 * 1024 * 1024

/** A journal that commits, or fails, when it is told to; what it has committed outlives the engine. */
export class HandJournal implements Journal {
  readonly lasting: JournalRecord[] = []
  #pending: JournalRecord[] = []
  #appended = 0
  committed = 0
  droppedBelow = 0
  /** Else what nobody needs is still there, as in a segment that is being written. */
  dropsAll = false
  /** Commits by itself, a turn later. */
  isAutomatic = true
  isBroken = false
  readonly #listeners = new Set<CommitListener>()
  #waiting: { readonly lsn: Lsn; readonly done: (error?: Error) => void }[] = []

  get pendingBytes(): number {
    return this.#pending.reduce((sum, { payload }) => sum + payload.length, 0)
  }

  get bytes(): number {
    return this.lasting.reduce((sum, { lsn, payload }) => (lsn < this.droppedBelow ? sum : sum + payload.length), 0)
  }

  append(payload: Uint8Array, _waiter?: CommitWaiter): Lsn {
    if (payload.length > MAX_RECORD) throw new Error(`a record has ${payload.length} bytes`)
    if (this.#pending.length === 0 && this.isAutomatic) setImmediate(() => this.isAutomatic && this.settle())
    this.#pending.push({ lsn: ++this.#appended, payload: Uint8Array.from(payload) })
    return this.#appended
  }

  /** What waits lasts from here on, or never will. */
  settle(error: Error | undefined = this.isBroken ? new Error('the disk is broken') : undefined): void {
    const group = this.#pending
    this.#pending = []
    if (group.length === 0) return
    const upTo = group.at(-1)?.lsn ?? 0
    if (error === undefined) {
      this.lasting.push(...group)
      this.committed = upTo
    }
    for (const listener of this.#listeners) listener(upTo, error)
    const told = this.#waiting.filter(({ lsn }) => lsn <= upTo)
    this.#waiting = this.#waiting.filter(({ lsn }) => lsn > upTo)
    for (const { done } of told) done(error)
  }

  /** What waits now is a group of its own. */
  cut(): JournalRecord[] {
    return this.#pending.splice(0)
  }

  settleCut(group: readonly JournalRecord[], error: Error): void {
    for (const listener of this.#listeners) listener(group.at(-1)?.lsn ?? 0, error)
  }

  onSettled(listener: CommitListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  whenCommitted(lsn: Lsn): Promise<void> {
    if (lsn <= this.committed) return Promise.resolve()
    return new Promise((resolve, reject) => {
      this.#waiting.push({ lsn, done: (error) => (error ? reject(error) : resolve()) })
    })
  }

  async *replay(after: Lsn): AsyncGenerator<readonly JournalRecord[]> {
    yield this.lasting.filter(({ lsn }) => lsn > after && (!this.dropsAll || lsn >= this.droppedBelow))
  }

  dropBelow(lsn: Lsn): Promise<void> {
    this.droppedBelow = lsn
    return Promise.resolve()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** The process is gone; what had lasted is there for the next. */
  afterCrash(): HandJournal {
    const next = new HandJournal()
    next.lasting.push(...this.lasting)
    next.#appended = next.committed = this.lasting.at(-1)?.lsn ?? 0
    next.droppedBelow = this.droppedBelow
    next.dropsAll = this.dropsAll
    return next
  }
}

class LastingDialect extends OpenDialect {
  override restore(): Principal {
    return this.principal()
  }
}

export type Wish = Partial<Omit<Extract<Packet, { type: 'connect' }>, 'type' | 'clientId'>>

/** The engine over a journal, and again over what is left of it. */
export class LedgerStage {
  readonly clock: VirtualClock = new VirtualClock()
  readonly errors: string[] = []
  readonly journal: HandJournal
  readonly limits: Partial<MqttLimits>
  readonly store: MemoryMessages<Publication> = new MemoryMessages()
  readonly server: MqttServer
  readonly ledger: OpenLedger
  keptFrom = 0
  /** The data take what they may of the disk. */
  isFull = false
  /** … nearly. */
  isTight = false

  private constructor(journal: HandJournal, limits: Partial<MqttLimits>, ledger: OpenLedger, parts: StageParts) {
    this.journal = journal
    this.limits = limits
    this.ledger = ledger
    this.clock = parts.clock
    this.store = parts.store
    this.errors = parts.errors
    this.server = new MqttServer({
      authenticate: (login) => parts.dialect.authenticate(login),
      store: this.store,
      keeper: ledger.ledger,
      history: new MemoryMessageHistory(this.clock),
      limits: { ...DEFAULT_MQTT_LIMITS, ...limits },
      clock: this.clock,
      logger: parts.logger,
    })
  }

  static async open(limits: Partial<MqttLimits> = {}, journal = new HandJournal()): Promise<LedgerStage> {
    const clock = new VirtualClock()
    const store = new MemoryMessages<Publication>()
    const errors: string[] = []
    const logger = { debug() {}, info() {}, warn() {}, error: (_: object, text: string) => void errors.push(text) }
    const dialect = new LastingDialect()
    const reader = { keepFrom: (lsn: Lsn) => void journal.dropBelow(lsn), remove: () => {} }
    let stage: LedgerStage | undefined
    const ledger = await OpenLedger.open({
      journal,
      reader,
      store,
      clock,
      logger,
      isFull: () => stage?.isFull ?? false,
      isTight: () => stage?.isTight ?? false,
      limits: { uncommittedBytes: 2 ** 24, settleInterval: 1 },
    })
    stage = new LedgerStage(journal, limits, ledger, { clock, store, errors, logger, dialect })
    await ledger.attach(stage.server.broker, [dialect])
    return stage
  }

  /** kill -9, and the next process. */
  async crash(limits: Partial<MqttLimits> = this.limits): Promise<LedgerStage> {
    return LedgerStage.open(limits, this.journal.afterCrash())
  }

  async connect(clientId: string, wish: Wish = {}): Promise<MemoryClient> {
    const version = wish.version ?? 5
    const client = new MemoryClient(version)
    this.server.accept(client.transport)
    client.send({ type: 'connect', clientId, cleanStart: true, keepAlive: 0, ...wish, version })
    await this.settle()
    client.received.shift()
    return client
  }

  async subscribe(client: MemoryClient, filter: string, qos: 0 | 1 | 2, more: object = {}): Promise<void> {
    const one = { filter, qos, noLocal: false, retainAsPublished: false, retainHandling: 0 as const, ...more }
    client.send({ type: 'subscribe', packetId: 60_000, subscriptions: [one] })
    await this.settle()
    const suback = client.received.findIndex(({ type }) => type === 'suback')
    client.received.splice(suback, 1)
  }

  /** Everything that is under way has arrived. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 6; turn++) await new Promise((resolve) => setImmediate(resolve))
  }
}

interface StageParts {
  readonly clock: VirtualClock
  readonly store: MemoryMessages<Publication>
  readonly errors: string[]
  readonly logger: {
    debug(): void
    info(): void
    warn(): void
    error(object: object, text: string): void
  }
  readonly dialect: LastingDialect
}

/** A session of 5.0 that lasts an hour. */
export const LASTING: Wish = { cleanStart: false, properties: { sessionExpiryInterval: 3600 } }

export function publishOf(topic: string, payload: string, qos: 0 | 1 | 2, packetId = 1, retain = false): Packet {
  return { type: 'publish', topic, payload: Buffer.from(payload), qos, retain, dup: false, packetId }
}

/** The payloads of what came. */
export function textsOf(client: MemoryClient): string[] {
  return client.take().flatMap((packet) => (packet.type === 'publish' ? Buffer.from(packet.payload).toString() : []))
}
