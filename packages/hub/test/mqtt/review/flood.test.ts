import { expect, it } from 'vitest'
import { LASTING, LedgerStage } from './ledger-stage.ts'

it('whoever subscribes faster than the disk writes is not read until it has caught up', async () => {
  const stage = await LedgerStage.open()
  const client = await stage.connect('client', LASTING)
  stage.journal.isAutomatic = false
  const filter = 'x'.repeat(60_000)
  const one = { filter, qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 2 } as const
  for (let count = 0; count < 400 && !client.transport.isPaused; count++) {
    client.send({ type: 'subscribe', packetId: 1, subscriptions: [one] })
  }
  expect(client.transport.isPaused).toBe(true)
  expect(stage.journal.pendingBytes).toBeLessThan(17 * 2 ** 20)
  stage.journal.isAutomatic = true
  stage.journal.settle()
  await stage.settle()
  await stage.clock.advance(1000)
  expect(client.transport.isPaused).toBe(false)
})
