import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { closedPort, openDevice, reads } from '../push-support.ts'
import { temporaryDirectory, until } from '../support.ts'

const DIST = pathToFileURL(join(import.meta.dirname, '../../dist/index.js')).href
/** Queues one after the other and says so; what is queued is on the disk. */
const PROGRAM = `
  import { createHub } from '${DIST}'
  const [data, port, from, count] = process.argv.slice(1)
  const hub = await createHub({ data, ports: 'ephemeral' })
  const { cloud_id } = hub.accounts.hologram
  for (let number = Number(from); number < Number(from) + Number(count); number++) {
    await hub.hologram.sendToDevice(cloud_id, String(number), { host: '127.0.0.1', port: Number(port), timeout: 0 })
      .catch((error) => { if (error.code !== 'ERR_HUB_DEVICE_UNREACHABLE') throw error })
    console.log(number)
  }
`

describe('a hub that is killed', () => {
  it('delivers after its next start what it had queued, in order, and none again whose acknowledgement was noted', async () => {
    const data = await temporaryDirectory()
    const port = await closedPort()
    const run = async (from: number, count: number): Promise<{ kill: () => Promise<void>; queued: () => number }> => {
      const args = ['--input-type=module', '--eval', PROGRAM, data, String(port), String(from), String(count)]
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
      onTestFinished(() => void child.kill('SIGKILL'))
      const exited = once(child, 'exit')
      let queued = from - 1
      createInterface({ input: child.stdout }).on('line', (line) => (queued = Number(line)))
      const kill = async (): Promise<void> => {
        child.kill('SIGKILL')
        await exited
      }
      return { kill, queued: () => queued }
    }
    const first = await run(0, 300)
    await until('many are queued', () => first.queued() >= 100)
    await first.kill()
    const queued = first.queued()

    const device = await openDevice(reads, { port })
    const second = await run(1_000, 0)
    await until(`some of ${queued} have come`, () => device.messages.length > 20)
    await second.kill()
    await run(1_000, 1)
    await until('all have come', () => device.messages.at(-1) === '1000')
    // The kernel ends the connection of a process that is killed: before the first byte, the device has an empty message.
    const numbers = device.messages.filter((message) => message !== '').map(Number)
    expect(device.messages.length - numbers.length).toBeLessThanOrEqual(1)
    expect([...new Set(numbers)].slice(0, queued + 1)).toEqual(
      Array.from({ length: queued + 1 }, (_, number) => number),
    )
    // Again come only the last ones, those whose acknowledgements were not on the disk when the kill came: one step back,
    // and then on to the one that was queued last.
    const steps = numbers.slice(1).map((number, index) => number - (numbers[index] ?? 0))
    expect(steps.slice(0, -1).filter((step) => step !== 1).length).toBeLessThanOrEqual(1)
  })
})
