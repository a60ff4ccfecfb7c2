import type { Packet, Publish, Qos } from '@halyard/wire/mqtt'
import { expect } from 'vitest'
import type { MemoryClient, Stage } from '../stage.ts'

let packetIds = 0

export function message(topic: string, payload: string | number, qos: Qos = 0, more: Partial<Publish> = {}): Publish {
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : new Uint8Array(payload)
  return {
    type: 'publish',
    topic,
    payload: bytes,
    qos,
    retain: false,
    dup: false,
    ...(qos > 0 && { packetId: (packetIds = (packetIds % 65_535) + 1) }),
    ...more,
  }
}

export async function subscribe(stage: Stage, client: MemoryClient, filter: string, qos: Qos = 0): Promise<void> {
  const wish = { filter, qos, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const
  client.send({ type: 'subscribe', packetId: ++packetIds, subscriptions: [wish] })
  await stage.settle()
  expect(client.received.shift()).toMatchObject({ type: 'suback', reasonCodes: [qos] })
}

export const payloads = (packets: readonly Packet[]): string[] =>
  packets.flatMap((packet) => (packet.type === 'publish' ? [Buffer.from(packet.payload).toString()] : []))

/** Of its queue, as CONNACK tells; 0: it tells nothing. */
export function lostOf(packet: Packet | undefined): number {
  const pairs = packet?.type === 'connack' ? (packet.properties?.userProperties ?? []) : []
  expect(pairs.map(([name]) => name)).toEqual(pairs.length === 0 ? [] : ['halyard-dropped'])
  return Number(pairs[0]?.[1] ?? 0)
}

export const puback = (packet: Packet | undefined): Packet => ({
  type: 'puback',
  reasonCode: 0,
  packetId: packet?.type === 'publish' ? (packet.packetId ?? 0) : 0,
})
