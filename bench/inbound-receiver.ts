/**
 * Listens for messages in a process of its own: `inbound-receiver.ts halyard|bare`. Tells its parent the port, and on
 * any message from it how many seconds of processor time it has used so far.
 */
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { CustomCloud } from '@halyard/hologram'

const [kind] = process.argv.slice(2)
let received = 0

async function halyard(): Promise<number> {
  const cloud = new CustomCloud(null, { receiveHost: '127.0.0.1', receivePort: 0 })
  cloud.event.subscribe('message.received', ({ bytes }) => (received += bytes.length))
  await cloud.openReceiveSocket()
  return cloud.receivePort
}

function bare(): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const pieces: Buffer[] = []
    socket.on('error', () => {})
    socket.on('data', (piece: Buffer) => pieces.push(piece))
    socket.on('end', () => {
      received += Buffer.concat(pieces).length
      socket.end()
    })
  })
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', 128, () => resolve((server.address() as AddressInfo).port))
  })
}

const port = await (kind === 'halyard' ? halyard() : bare())
process.send?.({ port })
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send?.({ seconds: (user + system) / 1e6, received })
})
process.on('disconnect', () => process.exit())
