import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { backupHub, restoreHub } from '../../src/backup.ts'
import { startHub, temporaryDirectory } from '../support.ts'

const DIST = pathToFileURL(join(import.meta.dirname, '../../dist/index.js')).href
/** Says how far it is and stops there, at any byte that is asked for. */
const PROGRAM = `
  import { backupHub, restoreHub } from '${DIST}'
  const [what, from, to, share] = process.argv.slice(1)
  const onProgress = (done, total) => {
    if (done < total * Number(share)) return
    process.stdout.write('here\\n', () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0))
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  }
  if (what === 'backup') await backupHub({ data: from, target: to, onProgress })
  else await restoreHub({ source: from, data: to, onProgress })
`

async function killedAt(share: number, what: 'backup' | 'restore', from: string, to: string): Promise<void> {
  const words = ['--input-type=module', '--eval', PROGRAM, what, from, to, String(share)]
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(createInterface({ input: child.stdout }), 'line')
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

it.each([0, 0.5, 1])(
  'a backup or a restore that is killed at %d of its bytes leaves nothing that looks like one',
  async (share) => {
    const directory = await temporaryDirectory()
    const [data, target, restored] = [join(directory, 'data'), join(directory, 'backup'), join(directory, 'restored')]
    const { hub } = await startHub({ data })
    await hub.close()

    await killedAt(share, 'backup', data, target)
    const left = (await readdir(directory)).filter((name) => name !== 'data')
    expect(left).toEqual([expect.stringMatching(/^backup[.]partial-[0-9a-f]{8}$/)])
    const partial = join(directory, left[0] ?? '')
    await expect(restoreHub({ source: partial, data: restored })).rejects.toMatchObject({ code: 'ERR_HUB_BACKUP' })

    // The lock of the killed one is nobody's.
    await backupHub({ data, target })
    await killedAt(share, 'restore', target, restored)
    expect(await readdir(directory)).not.toContain('restored')
    expect((await restoreHub({ source: target, data: restored })).documents).toBe(7)
  },
)
