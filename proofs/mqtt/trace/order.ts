/** Whether acknowledgements left behind the syncs that make last what they acknowledge. */
import type { Trace } from '../../power-cut/strace.ts'
import { lastingFrom } from './lasting.ts'
import { toldBy } from './told.ts'
import { markOf } from './workload.ts'

export interface Seen {
  acknowledged: number
  readonly syncs: number
  /** Acknowledged before the sync had come back. */
  early: number
  unsynced: number
  unwritten: number
  /** On one connection the identifiers rise, as they were sent. */
  disordered: number
}

/** @param root the directory below which the server has its files */
export function orderOfAcks(root: string, trace: Trace): Seen {
  const lasting = lastingFrom(root, trace)
  const syncs = trace.calls.filter(({ name, result }) => /^f(data)?sync$/.test(name) && result === 0).length
  const seen: Seen = { acknowledged: 0, syncs, early: 0, unsynced: 0, unwritten: 0, disordered: 0 }
  const highest = new Map<string, number>()
  for (const { packet, begin, socket } of toldBy(trace)) {
    const { type } = packet
    if (type !== 'puback' && type !== 'pubrec' && type !== 'suback') continue
    const { packetId } = packet
    seen.acknowledged++
    const from = lasting.get(markOf(packetId))
    if (from === undefined) seen.unwritten++
    else if (from === Infinity) seen.unsynced++
    else if (from > begin) seen.early++
    if (packetId < (highest.get(socket) ?? 0)) seen.disordered++
    highest.set(socket, packetId)
  }
  return seen
}
