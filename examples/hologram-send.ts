/**
 * Document 000: a message with topics to the Hologram cloud, or to a hub in its place.
 *
 *   npx tsx examples/hologram-send.ts [host [port]]      or HOLOGRAM_HOST, HOLOGRAM_PORT
 */
import { HologramCloud } from '@halyard/hologram'

const [
  sendHost = process.env['HOLOGRAM_HOST'] ?? 'cloudsocket.hologram.io',
  sendPort = process.env['HOLOGRAM_PORT'] ?? '9999',
] = process.argv.slice(2)
const credentials = {
  cloud_id: process.env['HOLOGRAM_CLOUD_ID'] ?? '34mg',
  cloud_key: process.env['HOLOGRAM_CLOUD_KEY'] ?? '12ab',
}

await using cloud = new HologramCloud(credentials, { sendHost, sendPort, enableInbound: false })

const messageSent = (): void => console.log('hurray!')
cloud.event.subscribe('message.sent', messageSent)

const result = await cloud.sendMessage('hi there!', { topics: ['TOPIC 1', 'TOPIC 2'] })
console.log(`${result.name} (${result.code}): ${String(result)}`)

cloud.event.unsubscribe('message.sent', messageSent)
const again = await cloud.sendMessage('hi again!', { topics: ['TOPIC 1', 'TOPIC 2'], timeout: 7 })
console.log(again.ok ? 'taken' : again.buffered ? 'waits in the outbox' : `refused: ${String(again)}`)
