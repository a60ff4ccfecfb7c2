/**
 * Document 001 line by line: every example of the first Python SDK, and below it the same in TypeScript.
 *
 *   npx tsx examples/hologram-document-001.ts host [port]
 *
 * `host` is a hub, or a TCP server that answers.
 */
import { Credentials, Hologram } from '@halyard/hologram'

const [host = 'host.com', port = '9999'] = process.argv.slice(2)

// ── Credentials ─────────────────────────────────────────────────────────────────────────────────────────────────────
// from Hologram.Credentials import Credentials
// credentials = Credentials('xxxx', 'xxxx')
const credentials = new Credentials('xxxx', 'xxxx')

// credentials.cloud_id = 'yyyy'
credentials.cloudId = process.env['HOLOGRAM_CLOUD_ID'] ?? 'yyyy'
credentials.cloudKey = process.env['HOLOGRAM_CLOUD_KEY'] ?? 'xxxx'

// ── Hologram ────────────────────────────────────────────────────────────────────────────────────────────────────────
// hologram = Hologram(credentials)
// hologram = Hologram(credentials, message_mode='hologram_cloud') # Equivalent to above
const hologram = new Hologram(credentials, { messageMode: 'hologram_cloud' })
console.log(hologram.messageMode, hologram.authentication.type, hologram.sendHost, hologram.sendPort)

// hologram = Hologram(credentials, message_mode='tcp-other')
// hologram.send_host = 'host.com'
// hologram.send_port = '9999'
const raw = new Hologram(credentials, { messageMode: 'tcp-other' })
raw.sendHost = host
raw.sendPort = port
console.log('answer:', String(await raw.sendMessage('hello')))

// print hologram.getSDKVersion() # 0.1.0
console.log('version', hologram.getSDKVersion())

// recv = hologram.sendMessage("msg1", topics = ["TOPIC 1","TOPIC 2"]) # Send advanced message
hologram.sendHost = host
hologram.sendPort = port
const recv = await hologram.sendMessage('msg1', { topics: ['TOPIC 1', 'TOPIC 2'] })
console.log(recv.name, recv.code, String(recv))

// destination_number = "+11234567890"
// recv = hologram.sendSMS(destination_number, "Hello, Python!") # Send SMS to destination number
const destinationNumber = '+11234567890'
const sms = await hologram.sendSMS(destinationNumber, 'Hello, Python!')
console.log('SMS:', sms.name, sms.code)

// ── Event ───────────────────────────────────────────────────────────────────────────────────────────────────────────
// def messageSent():
//   print 'hurray!'
const messageSent = (): void => console.log('hurray!')

// hologram.event.subscribe('message.sent', messageSent)
hologram.event.subscribe('message.sent', messageSent)
await hologram.sendMessage('one')

// hologram.event.unsubscribe('message.sent', messageSent)
hologram.event.unsubscribe('message.sent', messageSent)
await hologram.sendMessage('two')

// ── Log ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
// INFO:Raw:A buffered message has been sent since an active connection is established
// That line is on standard error if HALYARD_LOG=info is set.
await raw.network.disconnect()
const { id, buffered } = await raw.sendMessage('kept while the network is down')
console.log('buffered:', buffered)
await raw.network.connect()
const outbox = await raw.outbox
const { state } = await outbox.settled(id)
console.log('then:', state)

await raw.close()
await hologram.close()
