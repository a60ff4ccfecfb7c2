import { FaultDisk, loseUnsynced } from '@halyard/testkit'
import type { Packet } from '@halyard/wire/mqtt'
import { describe, expect, it } from 'vitest'
import { SegmentJournal } from '../../../src/store/segment-journal.ts'
import { message, payloads, puback } from '../engine/support.ts'
import { KeptStage } from './kept-stage.ts'
import { LASTING, subscriber } from './support.ts'

const open = (disk: FaultDisk): Promise<SegmentJournal> => SegmentJournal.open({ path: '/journal', disk })

async function onDisk(disk: FaultDisk): Promise<KeptStage<SegmentJournal>> {
  return KeptStage.open({ journal: await open(disk) })
}

/** The power goes; what was not synced is gone. */
async function cut(stage: KeptStage<SegmentJournal>, disk: FaultDisk): Promise<FaultDisk> {
  const found = disk.powerCut(loseUnsynced)
  await stage.end()
  await stage.start(await open(found))
  return found
}

function pubacks(packets: readonly Packet[]): Packet[] {
  return packets.filter((packet) => packet.type === 'publish' && packet.qos === 1).map(puback)
}

/** Gives what ends it. */
const FAULTS: Readonly<Record<string, (disk: FaultDisk) => () => void>> = {
  'is full': (disk) => {
    disk.capacity = disk.used
    return () => void (disk.capacity = Infinity)
  },
  'cannot be written': (disk) => disk.fail(({ kind }) => (kind === 'write' ? 'EIO' : undefined)),
  'cannot be synced': (disk) => disk.fail(({ kind }) => (kind === 'sync' ? 'EIO' : undefined)),
}

describe('a disk that', () => {
  for (const [name, breakDisk] of Object.entries(FAULTS)) {
    it(`${name}: 5.0 is told, 3.1.1 closed, everything else goes on, and it is well again by itself`, async () => {
      const disk = new FaultDisk()
      const stage = await onDisk(disk)
      const sleeper = await subscriber(stage, 'sleeper', 'a', LASTING)
      const awake = await subscriber(stage, 'awake', '#')
      const modern = await stage.connect('modern')
      const old = await stage.connect('old', { version: 4 })
      modern.send(message('a', 'before', 1, { packetId: 1 }))
      await stage.settle()
      expect(modern.take()).toMatchObject([{ type: 'connack' }, { type: 'puback', reasonCode: 0 }])
      old.take()
      sleeper.send(...pubacks(sleeper.take()))
      sleeper.drop()
      awake.send(...pubacks(awake.take()))

      const mend = breakDisk(disk)
      modern.send(message('a', 'first', 1, { packetId: 2 }))
      await stage.settle()
      modern.send(message('a', 'second', 1, { packetId: 3 }), message('a', 'third', 2, { packetId: 4 }))
      old.send(message('a', 'fourth', 1))
      modern.send(message('b', 'for nobody who lasts', 1, { packetId: 5 }), message('b', 'zero'))
      await stage.settle()
      expect(modern.take()).toMatchObject([
        { type: 'puback', packetId: 2, reasonCode: 0x97 },
        { type: 'puback', packetId: 3, reasonCode: 0x97 },
        { type: 'pubrec', packetId: 4, reasonCode: 0x97 },
        { type: 'puback', packetId: 5, reasonCode: 0 },
      ])
      expect([old.take(), old.isOver]).toEqual([[], true])
      const live = awake.take()
      expect(payloads(live).filter((text) => text !== 'first')).toEqual(['for nobody who lasts', 'zero'])
      awake.send(...pubacks(live))
      // Several snapshots are tried meanwhile.
      await stage.clock.advance(3000)
      await stage.settle()
      expect(stage.logger.errors).toEqual([
        'mqtt: the journal takes nothing: what would have to be kept is refused until it does again',
      ])

      mend()
      await stage.clock.advance(1000)
      await stage.kept.snapshot()
      expect(stage.ledger.hasFailed).toBe(false)
      modern.send(message('a', 'after', 1, { packetId: 6 }))
      await stage.settle()
      expect(modern.take()).toMatchObject([{ type: 'puback', packetId: 6, reasonCode: 0 }])
      await cut(stage, disk)
      const again = await stage.connect('sleeper', LASTING)
      const got = again.take()
      expect(got[0]).toMatchObject({ type: 'connack', sessionPresent: true })
      // What was refused may be there: whether the disk has it is not known.
      expect(payloads(got).filter((text) => text !== 'first' && text !== 'before')).toEqual(['after'])
      await stage.close()
    })
  }

  it('is slow: whoever waits for it waits, nobody else does', async () => {
    const disk = new FaultDisk()
    const stage = await onDisk(disk)
    const sleeper = await subscriber(stage, 'sleeper', 'a', LASTING)
    const publisher = await stage.connect('publisher')
    publisher.take()
    let release = (): void => {}
    const gate = new Promise<void>((resolve) => (release = resolve))
    disk.delay(({ kind }) => (kind === 'sync' ? gate : undefined))
    publisher.send(message('a', 'one', 1, { packetId: 1 }), message('a', 'zero'), { type: 'pingreq' })
    await stage.turn()
    expect(publisher.take()).toEqual([{ type: 'pingresp' }])
    expect(payloads(sleeper.take())).toEqual(['one', 'zero'])
    const other = stage.open(5)
    other.send({ type: 'connect', version: 5, clientId: 'other', cleanStart: true, keepAlive: 0 })
    await stage.turn()
    expect(other.take()).toMatchObject([{ type: 'connack', reasonCode: 0 }])
    release()
    await stage.settle()
    expect(publisher.take()).toMatchObject([{ type: 'puback', packetId: 1, reasonCode: 0 }])
    await stage.close()
  })

  it('loses its power again and again keeps what was acknowledged', async () => {
    let disk = new FaultDisk()
    const stage = await onDisk(disk)
    await subscriber(stage, 'sleeper', 'a', LASTING)
    for (let round = 0; round < 6; round++) {
      const publisher = await stage.connect('publisher')
      publisher.send(message('a', `${round}`, 1), message('a', 'retained', 1, { retain: true }))
      await stage.settle()
      expect(publisher.take().filter(({ type }) => type === 'puback')).toHaveLength(2)
      if (round % 2 === 0) await stage.kept.snapshot()
      disk = await cut(stage, disk)
    }
    const sleeper = await stage.connect('sleeper', LASTING)
    expect(payloads(sleeper.take()).filter((text) => text !== 'retained')).toEqual(['0', '1', '2', '3', '4', '5'])
    await stage.close()
  })
})
