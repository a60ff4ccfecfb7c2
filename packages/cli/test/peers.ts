import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

/** A TCP server that keeps what each connection said, and answers it as it is told. */
export async function peer(
  answer: (said: string, socket: Socket) => void,
): Promise<AsyncDisposable & { readonly port: string; readonly said: string[] }> {
  const said: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    const index = said.push('') - 1
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      said[index] += bytes.toString('latin1')
      answer(said[index] ?? '', socket)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: String((server.address() as AddressInfo).port),
    said,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Says it on a connection of its own and ends that; resolves when the other side has ended it, too. */
export async function say(port: number | string, what: string | Uint8Array): Promise<void> {
  const socket = connect(Number(port), '127.0.0.1').resume()
  const closed = once(socket, 'close')
  socket.end(what)
  await closed
}
