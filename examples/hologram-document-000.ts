/**
 * Document 000 line by line: every example of the Python SDK, and below it the same in TypeScript.
 *
 *   npx tsx examples/hologram-document-000.ts host [port [receive-port]]
 *
 * `host` is a hub, or a TCP server that answers: the cloud's name would be `cloudsocket.hologram.io`.
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import { CustomCloud, HologramCloud } from '@halyard/hologram'

const [sendHost = 'my.example.host.com', sendPort = '9999', receivePort = '57750'] = process.argv.slice(2)
const receiveHost = '127.0.0.1' // the document has 0.0.0.0: then anybody can send to this program

/** "someone sends a message": one connection, and what it carries until its end. */
async function someoneSends(port: number, message: string): Promise<void> {
  const socket = connect(port, receiveHost)
  socket.end(message)
  await once(socket.resume(), 'close')
}

// ── Credentials ─────────────────────────────────────────────────────────────────────────────────────────────────────
// from Hologram import Hologram
// credentials = {'cloud_id' : '1d3g', 'cloud_key': '5a7b'}
const credentials = {
  cloud_id: process.env['HOLOGRAM_CLOUD_ID'] ?? '1d3g',
  cloud_key: process.env['HOLOGRAM_CLOUD_KEY'] ?? '5a7b',
}

// ── Cloud ───────────────────────────────────────────────────────────────────────────────────────────────────────────
// print cloud.getSDKVersion() # 0.3.0
const cloud = new HologramCloud(credentials, { sendHost, sendPort, enableInbound: false })
console.log('version', cloud.getSDKVersion())

// ── CustomCloud ─────────────────────────────────────────────────────────────────────────────────────────────────────
// customCloud1 = CustomCloud(None, send_host = 'my.example.host.com', send_port = 9999)
const customCloud1 = new CustomCloud(null, { sendHost, sendPort })

// customCloud2 = CustomCloud(None, receive_host = '0.0.0.0', receive_port = 57750, network = 'cellular-iota')
try {
  const customCloud2 = new CustomCloud(null, { receiveHost, receivePort, network: 'cellular-iota' })
  await customCloud2.close()
} catch (error) {
  // Networks by name come with @halyard/network.
  console.log('cellular-iota:', (error as { code?: string }).code)
}

// customCloud3 = CustomCloud(None, send_host = 'my.example.host.com', send_port = 9999,
//                            receive_host = '0.0.0.0', receive_port = 57750, enable_inbound = True)
const customCloud3 = new CustomCloud(null, { sendHost, sendPort, receiveHost, receivePort, enableInbound: true })
await customCloud3.close()

// recv = customCloud.sendMessage("hello")
const customCloud = customCloud1
const recv = await customCloud.sendMessage('hello')
console.log('answer:', String(recv))

// recv2 = customCloud.sendMessage("hello again with 7 sec timeout", timeout = 7)
const recv2 = await customCloud.sendMessage('hello again with 7 sec timeout', { timeout: 7 })
console.log('answer:', String(recv2))

// inboundCloud = CustomCloud(None, send_host = 'my.example.host.com', send_port = 9999,
//                            receive_host = '0.0.0.0', receive_port = 57750, enable_inbound = False)
// inboundCloud.openReceiveSocket()
const inboundCloud = new CustomCloud(null, { sendHost, sendPort, receiveHost, receivePort, enableInbound: false })
await inboundCloud.openReceiveSocket()

// # do something...
// inboundCloud.closeReceiveSocket()
await inboundCloud.closeReceiveSocket()

// # Reopen the socket connection.
// inboundCloud.openReceiveSocket()
await inboundCloud.openReceiveSocket()

// # 1. someone sends a "hey there!" message
// # 2. someone sends another "bye!" message
await someoneSends(inboundCloud.receivePort, 'hey there!')
await someoneSends(inboundCloud.receivePort, 'bye!')

// recv = customCloud.consumeReceivedMessage()
// print recv # prints "hey there!bye!"
console.log('received:', inboundCloud.consumeReceivedMessage())

// recv = customCloud.consumeReceivedMessage() # prints ""
console.log('again:', JSON.stringify(inboundCloud.consumeReceivedMessage()))

// def sayHelloReceived():
//   print "hello! I received something!"
// customCloud.event.subscribe('message.received', sayHelloReceived)
const sayHelloReceived = (): void => console.log('hello! I received something!')
inboundCloud.event.subscribe('message.received', sayHelloReceived)
await someoneSends(inboundCloud.receivePort, 'this is the payload')
console.log('still there:', inboundCloud.consumeReceivedMessage())
inboundCloud.event.unsubscribe('message.received', sayHelloReceived)

// def sayHelloReceivedAndConsumeMessage():
//   print "hello! I received something!"
//   recv = customCloud.consumeReceivedMessage()
//   print recv
const sayHelloReceivedAndConsumeMessage = (): void => {
  console.log('hello! I received something!')
  console.log(inboundCloud.consumeReceivedMessage())
}
inboundCloud.event.subscribe('message.received', sayHelloReceivedAndConsumeMessage)
await someoneSends(inboundCloud.receivePort, 'this is the payload')

// recv = consumeReceivedMessage() # prints ""
console.log('consumed:', JSON.stringify(inboundCloud.consumeReceivedMessage()))
await inboundCloud.close()

// ── HologramCloud ───────────────────────────────────────────────────────────────────────────────────────────────────
// hologram1 = HologramCloud(credentials, network = 'cellular-iota')
try {
  const hologram1 = new HologramCloud(credentials, { network: 'cellular-iota' })
  await hologram1.close()
} catch (error) {
  console.log('cellular-iota:', (error as { code?: string }).code)
}

// hologram2 = HologramCloud(credentials, enable_inbound = False)
const hologram2 = new HologramCloud(credentials, { enableInbound: false })
console.log(hologram2.sendHost, hologram2.sendPort, hologram2.receiveHost, hologram2.receivePort)
await hologram2.close()

// recv = cloud.sendMessage("hi there!", topics = ["TOPIC 1","TOPIC 2"])
const result = await cloud.sendMessage('hi there!', { topics: ['TOPIC 1', 'TOPIC 2'] })
console.log(result.name, result.code, String(result))

// recv2 = cloud.sendMessage("hi again!", topics = ["TOPIC 1","TOPIC 2"], timeout = 7)
const result2 = await cloud.sendMessage('hi again!', { topics: ['TOPIC 1', 'TOPIC 2'], timeout: 7 })
console.log(result2.name, result2.code)

// destination_number = "+11234567890"
// recv = cloud.sendSMS(destination_number, "Hello, Python!") # Send SMS to destination number
const destinationNumber = '+11234567890'
const sms = await cloud.sendSMS(destinationNumber, 'Hello, Python!')
console.log('SMS:', sms.name, sms.code)

// ── NetworkManager ──────────────────────────────────────────────────────────────────────────────────────────────────
// customCloud.network.connect()
// customCloud.network.disconnect()
await customCloud.network.connect()
await customCloud.network.disconnect()

// print 'Available network interfaces:'
// print hologram.network.listAvailableInterfaces()
console.log('Available network interfaces:', customCloud.network.listAvailableInterfaces().join(' '))

// hologram.network.connect(timeout = 7) # Connect with 7 second timeout.
await customCloud.network.connect({ timeout: 7 })

// print 'CONNECTION STATUS: ' + str(hologram.network.getConnectionStatus())
console.log(`CONNECTION STATUS: ${customCloud.network.getConnectionStatus()}`)

// ── Event ───────────────────────────────────────────────────────────────────────────────────────────────────────────
// def messageSent():
//   print 'hurray!'
const messageSent = (): void => console.log('hurray!')

// cloud.event.subscribe('message.sent', messageSent)
cloud.event.subscribe('message.sent', messageSent)
await cloud.sendMessage('one')

// cloud.event.unsubscribe('message.sent', messageSent)
cloud.event.unsubscribe('message.sent', messageSent)
await cloud.sendMessage('two')

await customCloud.close()
await cloud.close()
