/**
 * A sign of life every so often, of which only the newest waits while the network is down.
 *
 *   npx tsx examples/hologram-periodic.ts host [port [how-many]]
 */
import { HologramCloud } from '@halyard/hologram'

const [sendHost = 'cloudsocket.hologram.io', sendPort = '9999', count = 'Infinity'] = process.argv.slice(2)
const credentials = {
  cloud_id: process.env['HOLOGRAM_CLOUD_ID'] ?? '34mg',
  cloud_key: process.env['HOLOGRAM_CLOUD_KEY'] ?? '12ab',
}

await using cloud = new HologramCloud(credentials, { sendHost, sendPort, enableInbound: false })
cloud.event.subscribe('error', (error) => console.log(error.message))

let left = Number(count)
const done = new Promise<void>((resolve) => {
  cloud.event.subscribe('message.sent', () => {
    console.log('alive')
    if (--left === 0) resolve()
  })
})
cloud.sendPeriodicMessage(1, 'alive', { topics: ['heartbeat'], latest: 'heartbeat' })
await done
await cloud.stopPeriodicMessage()
console.log('stopped')
