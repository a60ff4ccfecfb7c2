/** The outbox's store on the segment log. `#storage` leads here under Node.js, and to `no-storage.ts` in a browser. */
import type { OpenStore, OutboxStore, RecordPlace, StoreWaiter } from '../outbox/store.ts'
import { errnoOf } from './storage-error.ts'
import { SegmentLog } from './log/segment-log.ts'
import type { LogDamage } from './log/types.ts'

export { nodeClock as systemClock } from './clock.ts'

const KIND = 'OUTB'
/** A running owner may drop a segment while a reader looks: then the reader looks again. */
const READ_ATTEMPTS = 5

export const openStore: OpenStore = async ({ path, readOnly, replay, reset, report, disk, segmentBytes }) => {
  const onDamage = (damage: LogDamage): void => {
    const missing = damage.lastMissing >= damage.firstMissing && damage.lastMissing > 0
    const what = missing ? 'messages may be missing' : 'nothing is missing'
    report({ ...damage, path }, `the outbox ${path} is damaged in segment ${damage.segment}: ${what}; check the disk`)
  }
  for (let attempt = 1; ; attempt++) {
    reset()
    try {
      const log = await SegmentLog.open({ path, kind: KIND, readOnly, segmentBytes, onDamage, disk }, replay)
      return new LogStore(log)
    } catch (error) {
      const vanished = errnoOf((error as Error).cause) === 'ENOENT'
      if (!readOnly || !vanished || attempt === READ_ATTEMPTS) throw error
    }
  }
}

class LogStore implements OutboxStore {
  readonly durable = true
  readonly #log: SegmentLog

  constructor(log: SegmentLog) {
    this.#log = log
  }

  get bytes(): number {
    return this.#log.bytes
  }

  get oldest(): OutboxStore['oldest'] {
    return this.#log.oldest
  }

  get segments(): number {
    return this.#log.segments
  }

  append(record: Uint8Array, waiter: StoreWaiter): void {
    this.#log.append(record, waiter)
  }

  read(segment: number, offset: number): Promise<Uint8Array> {
    return this.#log.read({ segment, offset })
  }

  readMany(places: readonly RecordPlace[]): Promise<readonly (Uint8Array | undefined)[]> {
    return this.#log.readMany(places)
  }

  dropBelow(lsn: number): Promise<void> {
    return this.#log.dropBelow(lsn)
  }

  close(): Promise<void> {
    return this.#log.close()
  }
}
