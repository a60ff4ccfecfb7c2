/**
 * A hub in a process of its own, on a disk whose sync takes so many milliseconds more: `hub-process.ts DIR MILLISECONDS`.
 * Tells its ports and account to its parent, and ends with it.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { nodeClock, nodeDisk } from '@halyard/core/node'
import type { Disk, DiskFile } from '@halyard/core/node'
import { openHub } from '@halyard/hub'

const [data = ':memory:', extra = '0'] = process.argv.slice(2)
const config = process.argv[4]

function slow(disk: Disk, milliseconds: number): Disk {
  if (milliseconds === 0) return disk
  return {
    ...disk,
    async open(path, how) {
      const file = await disk.open(path, how)
      const slowly: DiskFile = {
        write: (bytes, position) => file.write(bytes, position),
        read: (into, position) => file.read(into, position),
        truncate: (length) => file.truncate(length),
        size: () => file.size(),
        close: () => file.close(),
        sync: async () => {
          await wait(milliseconds)
          await file.sync()
        },
      }
      return slowly
    },
  }
}

const hub = await openHub(
  { data, ports: 'ephemeral', config },
  { disk: slow(nodeDisk(), Number(extra)), clock: nodeClock() },
)
process.send?.(hub.ready)
process.on('disconnect', () => void hub.close())
