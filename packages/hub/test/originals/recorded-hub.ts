import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { nodeClock, nodeDisk } from '@halyard/core/node'
import { onTestFinished } from 'vitest'
import { openDiskStore } from '../../src/store/open-store.ts'
import { RecordingLogger, startHub, temporaryDirectory } from '../support.ts'
import type { TestHub } from '../support.ts'

/** What was kept of one message, as text: `34mg TOPIC 1,TOPIC 2: hi there!` */
export const line = (message: {
  readonly account: string
  readonly channel: string
  readonly payload: Uint8Array
}): string => `${message.account} ${message.channel}: ${new TextDecoder().decode(message.payload)}`

export interface RecordedHub extends TestHub {
  /** What was shown to watchers, in order. */
  readonly seen: readonly string[]
  /** Closes the hub and reads its history from the disk, in order. */
  readonly history: () => Promise<string[]>
}

/** A hub on disk whose sample account is this one: the recorded streams hold their keys. */
export async function recordedHub(account: string, key: string, config?: string): Promise<RecordedHub> {
  const data = join(await temporaryDirectory(), 'data')
  await mkdir(data, { mode: 0o700 })
  // As a first start leaves it that was cut short behind this file: the account in it is the one that is made.
  await writeFile(join(data, 'accounts.json'), JSON.stringify({ hologram: { cloud_id: account, cloud_key: key } }))
  const started = await startHub({ data, config })
  const seen: string[] = []
  const watching = (async () => {
    for await (const message of started.hub.messages()) seen.push(line(message))
  })()
  onTestFinished(async () => {
    await started.hub.close()
    await watching
  })
  return {
    ...started,
    seen,
    history: async () => {
      await started.hub.close()
      await watching
      return await readHistory(data)
    },
  }
}

async function readHistory(data: string): Promise<string[]> {
  const store = await openDiskStore(data, { disk: nodeDisk(), clock: nodeClock(), logger: new RecordingLogger() })
  try {
    const { messages } = await store.index.history.query({ space: 'hologram', limit: 1000 })
    return messages.map(line)
  } finally {
    await store.index.close()
    await store.journal.close()
  }
}
