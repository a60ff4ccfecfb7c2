import { expect, it } from 'vitest'
import { LedgerStage, publishOf } from './ledger-stage.ts'

it('retained messages that were acknowledged stay when the limits are lower after a restart', async () => {
  const stage = await LedgerStage.open()
  const client = await stage.connect('client')
  for (let id = 1; id <= 5; id++) client.send(publishOf(`kept/${id}`, 'on', 1, id, true))
  await stage.settle()
  const next = await stage.crash({ retainedMessages: 2, retainedBytes: 200 })
  const retained = (): string[] => [...next.server.broker.spaces].flatMap((space) => space.retained.topics()).toSorted()
  expect(retained()).toEqual(['kept/1', 'kept/2', 'kept/3', 'kept/4', 'kept/5'])

  const other = await next.connect('other')
  other.send(publishOf('kept/1', 'up', 1, 1, true), publishOf('new', 'on', 1, 2, true))
  await next.settle()
  expect(other.take()).toMatchObject([
    { packetId: 1, reasonCode: 16 },
    { packetId: 2, reasonCode: 0x97 },
  ])
  // Written anew they are still all there.
  await next.ledger.snapshot()
  expect((await next.crash()).server.broker.spaces.next().value?.retained.count).toBe(5)
})
