/**
 * What all programs of the clients under test share: a turn is one line of JSON, its answer another one. A program lives
 * through all rounds, so that it is warm, and sleeps while it is not its turn.
 */
import { createInterface } from 'node:readline'

/** `seconds` and the processor's `cpu` seconds of this process, all of its threads. */
export async function measured(task) {
  const before = process.cpuUsage()
  const begun = performance.now()
  await task()
  const seconds = (performance.now() - begun) / 1000
  const { user, system } = process.cpuUsage(before)
  return { seconds, cpu: (user + system) / 1e6 }
}

export const answer = (value) => process.stdout.write(`${JSON.stringify(value)}\n`)

/** The turn of a receiver has two answers: it listens, and all have come. */
export function counter() {
  let left = Infinity
  let done = () => {}
  return {
    one() {
      if (--left === 0) done()
    },
    expect(count) {
      left = count
      return new Promise((resolve) => (done = resolve))
    },
  }
}

export const payloadOf = (bytes) => new Uint8Array(bytes).fill(0x2e)

/** `turns` by name; what each gives is its answer. */
export async function play(turns) {
  const lines = createInterface({ input: process.stdin })
  // Also in the middle of a turn: who asked is gone.
  lines.on('close', () => process.exit())
  for await (const line of lines) {
    const { turn, ...words } = JSON.parse(line)
    answer(await turns[turn](words))
  }
}
