import type { Packet } from '@halyard/wire/mqtt'
import type { Journal } from '../../../src/domain/ports.ts'
import { message } from '../engine/support.ts'
import type { MemoryClient } from '../stage.ts'
import type { KeptStage } from './kept-stage.ts'

/** Of 5.0. */
export const LASTING = { cleanStart: false, properties: { sessionExpiryInterval: 3600 } } as const

/** With one subscription of QoS 2; what a group had for it has come. */
export async function subscriber(
  stage: KeptStage<Journal>,
  name: string,
  filter: string,
  more = {},
): Promise<MemoryClient> {
  const client = await stage.connect(name, more)
  const wish = { filter, qos: 2, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const
  client.send({ type: 'subscribe', packetId: 1, subscriptions: [wish] })
  await stage.settle()
  // A group that waited for somebody does not wait for the SUBACK too.
  const early = client.take().filter(({ type }) => type === 'publish')
  client.received.push(...early)
  return client
}

/** The power goes, and comes again. */
export async function crash(stage: KeptStage): Promise<void> {
  const found = stage.journal.cut()
  await stage.end()
  await stage.start(found)
}

/** A publisher has released a message, the disk does not have that yet, and its connection has gone; its PUBREL. */
export async function heldPubrel(stage: KeptStage): Promise<Packet> {
  const client = await stage.connect('publisher', LASTING)
  client.send(message('a', 'm', 2, { packetId: 7 }))
  await stage.settle()
  const pubrel = { type: 'pubrel', packetId: 7, reasonCode: 0 } as const
  stage.journal.isHeld = true
  client.send(pubrel)
  await stage.settle()
  client.drop()
  return pubrel
}
