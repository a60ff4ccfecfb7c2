/** A cloud that says yes: answers `[0,0]` to whatever ends with two CR, and closes. A process of its own for all contenders. */
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'

const server = createServer({ noDelay: true }, (socket) => {
  let tail = ''
  socket.on('error', () => {})
  socket.on('data', (chunk) => {
    tail = (tail + chunk.toString('latin1')).slice(-2)
    if (tail === '\r\r') socket.end('[0,0]')
  })
})
server.listen(0, '127.0.0.1', 1024, () => process.send?.((server.address() as AddressInfo).port))
process.on('disconnect', () => process.exit())
