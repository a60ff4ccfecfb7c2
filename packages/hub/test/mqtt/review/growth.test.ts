import { expect, it } from 'vitest'
import { LedgerStage } from './ledger-stage.ts'

it('what other services write does not stay for ever because of sessions that are not there', async () => {
  const stage = await LedgerStage.open()
  for (let count = 0; count < 40; count++) stage.journal.append(new Uint8Array(2 ** 20))
  await stage.settle()
  expect(stage.journal.droppedBelow).toBe(0)
  await stage.clock.advance(1000)
  await stage.settle()
  expect(stage.journal.droppedBelow).toBeGreaterThan(40)
})
