/** What the proofs found that no other test looks at. */
import { beforeEach, describe, expect, it } from 'vitest'
import { Outbox } from '@halyard/core'
import type { OutboxEntry } from '@halyard/core'
import { nodeClock } from '@halyard/core/node'
import { FaultDisk, VirtualClock } from '@halyard/testkit'

const path = '/outbox'
let disk: FaultDisk
let clock: VirtualClock

beforeEach(() => {
  disk = new FaultDisk()
  clock = new VirtualClock()
})

const open = (): Promise<Outbox> => Outbox.open({ path }, { disk, clock })

const send = (outbox: Outbox, id: string): Promise<OutboxEntry> =>
  outbox.submit({ destination: 'demo', kind: 'text', body: Buffer.from(id) }, { id })

describe('an outbox', () => {
  const ways = [{}, { pipeline: 4 }]
  it.each(ways)('holds what is behind a dropped message until that is written down, attached with %o', async (how) => {
    const outbox = await open()
    await send(outbox, 'first')
    await send(outbox, 'second')
    let done = (): void => {}
    const stopDelay = disk.delay(({ kind }) =>
      kind === 'sync' ? new Promise<void>((resolve) => (done = resolve)) : undefined,
    )
    const dropped = outbox.drop('first')
    const handed: string[] = []
    outbox.attach(
      'demo',
      ({ id }) => {
        handed.push(id)
        return Promise.resolve({ outcome: 'delivered' })
      },
      how,
    )
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
    expect(handed).toEqual([])
    stopDelay()
    done()
    expect(await dropped).toBe(true)
    await outbox.idle()
    expect(handed).toEqual(['second'])
    await outbox.close()
  })

  it('has no file for each time that its process was killed', async () => {
    const { bootId } = nodeClock()
    const killed = Buffer.from(JSON.stringify({ pid: 2 ** 22 + 1, started: '1', bootId }))
    for (let time = 0; time < 270; time++) {
      const outbox = await open()
      outbox.attach('demo', () => Promise.resolve({ outcome: 'delivered' }))
      await send(outbox, `message ${time}`)
      await outbox.idle()
      await outbox.close()
      for (const file of disk.files()) if (file.includes('/lock.')) disk.writeFile(file, killed)
    }
    expect(disk.files().filter((file) => file.endsWith('.log')).length).toBeLessThanOrEqual(256)
    const outbox = await open()
    expect(outbox.why('message 0')?.state).toBe('delivered')
    await outbox.close()
  })
})
