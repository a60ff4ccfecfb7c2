import type { MessageHistory } from '../../../src/domain/message-history.ts'
import type { Principal, PublishPlan, SubscribePlan } from '../../../src/mqtt/dialect.ts'
import type { Publication } from '../../../src/mqtt/publication.ts'
import { MemoryMessageHistory } from '../../../src/store/memory-message-history.ts'
import { OpenDialect } from '../stage.ts'

/** Everything is stored; filters that begin with `past/` bring what is. */
export class Chronicle extends OpenDialect {
  readonly history: MessageHistory<Publication>
  /** What a read of the history does instead. */
  read: ((filter: string) => AsyncIterable<Publication>) | undefined

  constructor(history: MessageHistory<Publication> = new MemoryMessageHistory({ now: () => 0, monotonic: () => 0 })) {
    super()
    this.history = history
  }

  override plan(principal: Principal, topic: string): PublishPlan {
    return { ...super.plan(principal, topic), store: 60 } as PublishPlan
  }

  override subscribe(...wish: Parameters<OpenDialect['subscribe']>): SubscribePlan {
    const plan = super.subscribe(...wish)
    const [, filter] = wish
    if (plan.kind === 'refuse' || !plan.filter.startsWith('past/')) return plan
    return { ...plan, before: () => this.read?.(filter) ?? this.stored(plan.filter) }
  }

  async *stored(filter: string): AsyncGenerator<Publication> {
    for await (const { id, message: stored } of this.history.read('test', filter)) yield { ...stored, id }
  }
}
