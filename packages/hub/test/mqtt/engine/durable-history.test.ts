import { VirtualClock } from '@halyard/testkit'
import type { Packet, PublishProperties, Qos } from '@halyard/wire/mqtt'
import { expect, it } from 'vitest'
import type { Publication } from '../../../src/mqtt/publication.ts'
import { StoredPublications } from '../../../src/mqtt/stored-publication.ts'
import { openDurable } from '../../message-history-support.ts'
import type { Durable } from '../../message-history-support.ts'
import { temporaryDirectory, until } from '../../support.ts'
import { Stage } from '../stage.ts'
import type { MemoryClient } from '../stage.ts'
import { Chronicle } from './chronicle.ts'
import { message } from './support.ts'

/** The engine over stored messages on a real disk, stopped and started again in between. */

interface Run {
  readonly stage: Stage
  readonly durable: Durable<Publication>
}

async function run(directory: string, story: (run: Run) => Promise<void>): Promise<void> {
  const durable = await openDurable<Publication>(directory, new StoredPublications(new VirtualClock()))
  const stage = new Stage({}, new Chronicle(durable.history), durable.history)
  try {
    await story({ stage, durable })
  } finally {
    await stage.close()
    await durable.close()
  }
}

/** What comes until a packet of this type has. */
async function receive(client: MemoryClient, type: Packet['type']): Promise<Packet[]> {
  await until(`a ${type} comes`, () => client.received.some((packet) => packet.type === type))
  return client.take()
}

async function connect(stage: Stage, name: string): Promise<MemoryClient> {
  const client = await stage.connect(name)
  client.take()
  return client
}

function subscribe(client: MemoryClient, filter: string, qos: Qos, retainAsPublished = false): void {
  const options = { qos, noLocal: false, retainAsPublished, retainHandling: 2 } as const
  client.send({ type: 'subscribe', packetId: 1, subscriptions: [{ filter, ...options }] })
}

const properties: PublishProperties = {
  payloadFormatIndicator: true,
  contentType: 'text/plain',
  responseTopic: 'answers/1',
  correlationData: Uint8Array.of(0, 255),
  userProperties: [
    ['unit', '°C'],
    ['unit', 'K'],
  ],
}

it('what a publisher was acknowledged a later subscriber gets as it was, after a restart too', async () => {
  const directory = await temporaryDirectory()
  await run(directory, async ({ stage, durable }) => {
    const publisher = await connect(stage, 'publisher')
    publisher.send(message('past/a', 'plain', 0), message('past/b', 'retained', 2, { retain: true }))
    const [pubrec] = await receive(publisher, 'pubrec')
    expect(pubrec).toMatchObject({ reasonCode: 0x10 })
    publisher.send(message('past/a', 'rich', 1, { properties }))
    await receive(publisher, 'puback')
    expect(durable.journal.committed).toBe(3)
  })
  await run(directory, async ({ stage }) => {
    const reader = await connect(stage, 'reader')
    subscribe(reader, 'past/#', 2, true)
    const came = await receive(reader, 'suback')
    expect(
      came.map((packet) => (packet.type === 'publish' ? Buffer.from(packet.payload).toString() : packet.type)),
    ).toEqual(['plain', 'retained', 'rich', 'suback'])
    expect(came).toMatchObject([
      { topic: 'past/a', qos: 0, retain: false },
      { topic: 'past/b', qos: 2, retain: true },
      { topic: 'past/a', qos: 1, retain: false },
      { reasonCodes: [2] },
    ])
    const rich = came[2]
    expect(rich?.type === 'publish' && rich.properties).toEqual(properties)
  })
})

it('what is published while a subscriber reads comes once, behind what was', async () => {
  await run(await temporaryDirectory(), async ({ stage }) => {
    const [publisher, reader] = [await connect(stage, 'publisher'), await connect(stage, 'reader')]
    for (let number = 0; number < 50; number++) publisher.send(message('past/a', `${number}`, 0))
    // None of them lasts yet: the reading waits for the commit, and what follows is held.
    subscribe(reader, 'past/a', 0)
    for (let number = 50; number < 60; number++) publisher.send(message('past/a', `${number}`, 0))
    const came: Packet[] = []
    await until('all have come', () => came.push(...reader.take()) > 60)
    const numbers = came.flatMap((packet) => (packet.type === 'publish' ? [Number(Buffer.from(packet.payload))] : []))
    expect(numbers).toEqual(Array.from({ length: 60 }, (_, number) => number))
  })
})

it('a message goes when its own expiry is over, though it was to be stored for longer', async () => {
  await run(await temporaryDirectory(), async ({ stage, durable }) => {
    const publisher = await connect(stage, 'publisher')
    publisher.send(message('past/a', 'x', 1, { properties: { messageExpiryInterval: 20 } }))
    await receive(publisher, 'puback')
    const { messages } = await durable.index.history.query({})
    const [stored] = messages
    expect(Number(stored?.expiresAt) - Number(stored?.receivedAt)).toBe(20_000)
  })
})
