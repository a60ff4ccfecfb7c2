/**
 * Feeds receivers without being what limits them: packets that were made beforehand, a thousand in a write, on a socket.
 * It lives on the server's core and leaves it to the server as soon as all is written.
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import { encodeToBytes } from '@halyard/wire/mqtt'
import { payloadOf, play } from './turns.mjs'

const BATCH = 1000
let socket

await play({
  async open({ port }) {
    socket?.destroy()
    socket = connect({ host: '127.0.0.1', port, noDelay: true })
    await once(socket, 'connect')
    const clientId = `feeder-${process.pid}`
    socket.write(encodeToBytes({ type: 'connect', version: 4, clientId, cleanStart: true, keepAlive: 0 }, 4))
    await once(socket, 'data')
    return {}
  },

  /** With QoS 1 two halves of a batch take turns: one is on its way while the other is acknowledged. */
  async feed({ qos, bytes, count }) {
    const half = qos === 0 ? BATCH : BATCH / 2
    const [first, second] = [batch(qos, bytes, half, 1), batch(qos, bytes, half, half + 1)]
    let acknowledged = 0
    let wanted = 0
    let reached = () => {}
    const onData = (data) => {
      acknowledged += data.length / 4
      if (acknowledged >= wanted) reached()
    }
    const upTo = (messages) => {
      wanted = messages
      return acknowledged >= messages ? undefined : new Promise((resolve) => (reached = resolve))
    }
    socket.on('data', onData)
    for (let sent = 0, i = 0; sent < count; sent += half, i++) {
      if (qos === 1) await upTo(sent - half)
      if (!socket.write(i % 2 === 0 ? first : second)) await once(socket, 'drain')
    }
    if (qos === 1) await upTo(count)
    socket.off('data', onData)
    return {}
  },
})

function batch(qos, bytes, messages, firstId) {
  const payload = payloadOf(bytes)
  const packet = { type: 'publish', topic: 'bench/receive', payload, qos, retain: false, dup: false }
  const packets = Array.from({ length: messages }, (_, i) =>
    encodeToBytes({ ...packet, ...(qos > 0 && { packetId: firstId + i }) }, 4),
  )
  return Buffer.concat(packets)
}
