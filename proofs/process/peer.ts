/** The far end of the sender's connections: notes every message it gets, answers most, refuses some, hangs up on some. */
import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { createInterface } from 'node:readline'
import type { SeededRandom } from '@halyard/testkit'

export class Peer {
  /** In the order of their coming. */
  readonly received: string[] = []
  onReceived: (id: string) => void = () => {}
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(server: Server) {
    this.#server = server
  }

  static async listen(random: SeededRandom): Promise<Peer> {
    const server = createServer()
    const peer = new Peer(server)
    server.on('connection', (socket) => {
      peer.#sockets.add(socket)
      socket.on('close', () => peer.#sockets.delete(socket))
      socket.on('error', () => {})
      const lines = createInterface({ input: socket })
      // A line reader repeats the errors of what it reads from.
      lines.on('error', () => {})
      lines.on('line', (id) => {
        peer.received.push(id)
        peer.onReceived(id)
        const draw = random.float()
        if (draw < 0.03) socket.destroy()
        else socket.write(`${draw < 0.08 ? '-' : '+'}${id}\n`)
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return peer
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
