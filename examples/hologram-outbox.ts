/**
 * What the documents promise ("will be sent again") and the original loses at a restart: a message is queued while the
 * network is down, the program ends, and the next one delivers it, topics and all.
 *
 *   npx tsx examples/hologram-outbox.ts [host [port]]      or HOLOGRAM_HOST, HOLOGRAM_PORT
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HologramCloud } from '@halyard/hologram'

const [
  sendHost = process.env['HOLOGRAM_HOST'] ?? 'cloudsocket.hologram.io',
  sendPort = process.env['HOLOGRAM_PORT'] ?? '9999',
] = process.argv.slice(2)
const credentials = {
  cloud_id: process.env['HOLOGRAM_CLOUD_ID'] ?? '34mg',
  cloud_key: process.env['HOLOGRAM_CLOUD_KEY'] ?? '12ab',
}
const path = await mkdtemp(join(tmpdir(), 'halyard-'))
const options = { sendHost, sendPort, enableInbound: false, outbox: { path } }

const before = new HologramCloud(credentials, options)
await before.network.disconnect()
const { id, buffered } = await before.sendMessage('21.5', { topics: ['temperature'], id: 'reading-1' })
console.log('buffered:', buffered)
await before.close()

await using after = new HologramCloud(credentials, options)
const outbox = await after.outbox
const { state } = await outbox.settled(id)
console.log('after a restart:', state)

// The same id again sends nothing and gives the first result.
console.log('again:', String(await after.sendMessage('21.5', { topics: ['temperature'], id: 'reading-1' })))
await after.close()
await rm(path, { recursive: true })
