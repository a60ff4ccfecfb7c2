import type { Journal } from '../../../src/domain/ports.ts'
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
