import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import type { Incoming, IncomingEvents, Listener, ListenerEvents } from './listener.ts'

/** As many as the original lets wait for their turn; more, since a burst is over before the first is read. */
const BACKLOG = 128

/** TCP, IPv4 and IPv6. It sleeps in the kernel until somebody comes. */
export function tcpListener(): Listener {
  return {
    listen: ({ host, port }, events) =>
      new Promise((resolve, reject) => {
        let keepsAlive = false
        const server = createServer({ allowHalfOpen: true }, (socket) => receive(socket, events, keepsAlive))
        server.once('error', reject)
        server.listen({ host, port, backlog: BACKLOG }, () => {
          server.off('error', reject)
          server.on('error', (error) => events.failed(error))
          server.unref()
          resolve({
            port: (server.address() as AddressInfo).port,
            keepAlive() {
              keepsAlive = true
              server.ref()
            },
            close: () => void server.close(),
          })
        })
      }),
  }
}

function receive(socket: Socket, listener: ListenerEvents, keepsAlive: boolean): void {
  let events: IncomingEvents | undefined
  const incoming: Incoming = {
    get remoteAddress() {
      return plainAddress(socket.remoteAddress ?? '')
    },
    close() {
      events = undefined
      // Not only our half: a peer that never closes its own would hold the connection for ever.
      socket.destroySoon()
    },
    reset() {
      events = undefined
      socket.resetAndDestroy()
    },
  }
  if (!keepsAlive) socket.unref()
  socket.on('error', (error) => events?.failed(error))
  socket.on('data', (bytes: Buffer) => events?.received(bytes))
  socket.once('end', () => (isThere(socket) ? events?.ended() : events?.failed(new Error('the connection was reset'))))
  socket.once('close', () => events?.failed(new Error('the connection was closed')))
  events = listener.connected(incoming)
  if (!events) socket.resetAndDestroy()
}

/**
 * libuv reports bytes and a reset that it finds together as bytes and an ordinary end: half a message would pass for a
 * whole one. The kernel knows no peer of a connection that was reset. Node remembers the first answer, so nobody may ask
 * for the address before.
 */
function isThere(socket: Socket): boolean {
  return socket.remoteAddress !== undefined
}

/** On a socket for both protocols an IPv4 address comes as `::ffff:10.0.0.7`. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address
}
