/** The proofs of what the MQTT engine keeps, short and small: that they still run, and that they notice. */
import { expect, it, onTestFinished } from 'vitest'
import { seededRandom } from '@halyard/testkit'
import { keepMessages } from '../../../../proofs/mqtt/kept/messages.ts'
import { keepState } from '../../../../proofs/mqtt/kept/state.ts'
import { flipBytesOfHub } from '../../../../proofs/mqtt/flipped/run.ts'
import { publishOnce } from '../../../../proofs/mqtt/once/run.ts'
import { cutPowerOfHub } from '../../../../proofs/mqtt/power/run.ts'
import { Server } from '../../../../proofs/mqtt/servers.ts'

const TIMEOUT = 120_000

async function prepareHub(): Promise<Server> {
  const server = await Server.prepare('hub')
  onTestFinished(() => server.destroy())
  return server
}

it('has what it acknowledged after it was killed', { timeout: TIMEOUT }, async () => {
  const server = await prepareHub()
  const kept = await keepMessages({ server, random: seededRandom(3), rounds: 4, messages: 500, limit: 30 })
  expect(kept).toMatchObject({ lost: 0, disordered: 0, sessions: 0 })
  expect(kept.acknowledged).toBeGreaterThan(500)
})

it('has retained messages, subscriptions, wills and the ends of sessions', { timeout: TIMEOUT }, async () => {
  const kept = await keepState({ server: await prepareHub(), random: seededRandom(3), rounds: 1 })
  expect(Object.values(kept).map(({ wrong }) => wrong)).toEqual([0, 0, 0, 0])
})

it('brings QoS 2 once, through kills and cuts', { timeout: TIMEOUT }, async () => {
  const server = await prepareHub()
  const result = await publishOnce({ server, random: seededRandom(3), kills: 3, life: 1500 })
  expect(result).toMatchObject({ lost: 0, twice: 0, disordered: 0, sessions: 0, malformed: 0 })
  expect(result.cuts.size).toBeGreaterThan(10)
})

it('has it after power cuts', { timeout: TIMEOUT }, async () => {
  const { promises } = await cutPowerOfHub({ seed: 3, runs: 2, cuts: 6, count: 60 })
  expect(promises).toBeGreaterThan(100)
})

it('would not without fdatasync of the journal, and the proof notices', { timeout: TIMEOUT }, async () => {
  const cut = cutPowerOfHub({ seed: 3, runs: 2, cuts: 40, count: 60, without: 'fdatasync' })
  await expect(cut).rejects.toThrow(/is gone|did not get it|was acknowledged/)
})

it('loses the message of a flipped byte at most, and says so', { timeout: TIMEOUT }, async () => {
  const { lost, reported } = await flipBytesOfHub({ seed: 3, flips: 6, indexFlips: 2 })
  expect(lost).toBeGreaterThan(0)
  expect(reported).toBeGreaterThan(0)
})
