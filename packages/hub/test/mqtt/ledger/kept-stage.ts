import type { VirtualClock } from '@halyard/testkit'
import type { Journal } from '../../../src/domain/ports.ts'
import type { Dialect } from '../../../src/mqtt/dialect.ts'
import { OpenLedger } from '../../../src/mqtt/ledger/open.ts'
import type { MqttLimits } from '../../../src/mqtt/limits.ts'
import { MemoryMessages } from '../../../src/store/memory-messages.ts'
import { Stage } from '../stage.ts'
import type { StageWish } from '../stage.ts'
import { CutJournal } from './cut-journal.ts'

const LEDGER_LIMITS = { uncommittedBytes: 16 * 1024 * 1024, settleInterval: 1 }

export interface KeptWish<J extends Journal> {
  readonly journal: J
  readonly limits?: StageWish
  readonly clock?: VirtualClock
  readonly dialect?: Dialect
}

/** The engine with its ledger on a journal, which can be started again on what is found of it. */
export class KeptStage<J extends Journal = CutJournal> extends Stage {
  journal: J
  /** What may go from the journal. */
  keptFrom = 0
  #kept: OpenLedger | undefined

  protected constructor({ journal, limits, clock, dialect }: KeptWish<J>) {
    super(limits, dialect, undefined, clock)
    this.journal = journal
  }

  static async open<J extends Journal>(wish: KeptWish<J>): Promise<KeptStage<J>> {
    const stage = new KeptStage(wish)
    await stage.start(wish.journal)
    return stage
  }

  static openCut(limits?: Partial<MqttLimits>, clock?: VirtualClock): Promise<KeptStage> {
    return KeptStage.open({ journal: new CutJournal(), ...(limits && { limits }), ...(clock && { clock }) })
  }

  get ledger(): OpenLedger['ledger'] {
    return this.kept.ledger
  }

  get kept(): OpenLedger {
    if (this.#kept === undefined) throw new Error('the stage was not started')
    return this.#kept
  }

  /** An engine that begins with what the journal holds. */
  async start(journal: J): Promise<void> {
    this.server.close()
    this.journal = journal
    this.store = new MemoryMessages()
    const reader = { keepFrom: (lsn: number): void => void (this.keptFrom = lsn), remove: (): void => {} }
    const { store, clock, logger } = this
    this.#kept = await OpenLedger.open({
      journal,
      reader,
      store,
      isFull: () => false,
      isTight: () => false,
      limits: LEDGER_LIMITS,
      clock,
      logger,
    })
    this.server = this.newServer(this.#kept.ledger)
    await this.#kept.attach(this.server.broker, [this.dialect])
    await this.settle()
  }

  /** What was settled is on the disk too. */
  async flush(): Promise<void> {
    this.ledger.writeClock()
    await this.settle()
  }

  /** The process is gone: whoever was connected hears no more of it. The journal is closed to it already. */
  async end(): Promise<void> {
    for (const client of this.clients) client.transport.onWritten = () => {}
    this.server.close()
    await this.kept.close()
    await this.turn()
  }

  /** Some turns of the event loop, whatever waits for the disk. */
  turn(): Promise<void> {
    return super.settle()
  }

  get #isWriting(): boolean {
    const { journal } = this
    return journal.pendingBytes > 0 && !(journal instanceof CutJournal && journal.isHeld)
  }

  override async settle(): Promise<void> {
    do await this.turn()
    while (this.#isWriting)
    await this.turn()
  }

  override async close(): Promise<void> {
    await super.close()
    await this.#kept?.close()
  }
}
