import { connect } from 'node:net'
import type { Socket } from 'node:net'
import type { Connector } from './connector.ts'

const READ_BUFFER = 16 * 1024

/**
 * TCP, IPv4 and IPv6. Nagle's algorithm is off: a message is one write, and waiting for more costs a round trip.
 * All connections read into one buffer: libuv fills it and calls back in the same turn, so no two need it at once.
 */
export function tcp(): Connector {
  const buffer = new Uint8Array(READ_BUFFER)
  return {
    connect({ host, port }, events) {
      let over = false
      const unlessOver =
        <Args extends readonly unknown[]>(tell: (...args: Args) => void): ((...args: Args) => void) =>
        (...args) => {
          if (!over) tell(...args)
        }
      const socket: Socket = connect({
        host,
        port,
        noDelay: true,
        onread: {
          buffer,
          callback: (size) => {
            if (!over) events.received(buffer.subarray(0, size))
            return true
          },
        },
      })
      const wrote = unlessOver((error?: Error | null) => {
        // A failed write is told once, by 'error'.
        if (!error) events.written()
      })
      socket.once(
        'connect',
        unlessOver(() => events.opened()),
      )
      socket.once(
        'end',
        unlessOver(() => events.ended()),
      )
      socket.on(
        'error',
        unlessOver((error: Error) => events.failed(error)),
      )
      socket.once(
        'close',
        unlessOver(() => events.failed(new Error('the connection was closed'))),
      )
      return {
        write: (bytes) => void socket.write(bytes, wrote),
        destroy: () => {
          over = true
          socket.destroy()
        },
      }
    },
  }
}
