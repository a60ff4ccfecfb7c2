/**
 * Document 000: bytes to a server of your own, and what it answers.
 *
 *   npx tsx examples/hologram-custom-cloud.ts host port      or CUSTOM_HOST, CUSTOM_PORT
 */
import { CustomCloud } from '@halyard/hologram'

const [
  sendHost = process.env['CUSTOM_HOST'] ?? 'my.example.host.com',
  sendPort = process.env['CUSTOM_PORT'] ?? '9999',
] = process.argv.slice(2)

await using customCloud = new CustomCloud(null, { sendHost, sendPort })
console.log('SDK version', customCloud.getSDKVersion())
console.log('interfaces', customCloud.network.listAvailableInterfaces().join(' '))

const answer = await customCloud.sendMessage('hello')
console.log('answer:', String(answer))

// The network is down: what is sent waits, in order, and goes out when it is up again.
await customCloud.network.disconnect()
const waiting = await customCloud.sendMessage('hello again with 7 sec timeout', { timeout: 7 })
console.log('buffered:', waiting.buffered)
await customCloud.network.connect({ timeout: 7 })

const outbox = await customCloud.outbox
const entry = await outbox.settled(waiting.id)
console.log('then:', entry.state)
