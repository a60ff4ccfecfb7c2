/** The cloud's side of inbound messages: `inbound-load.ts PORT COUNT AT_ONCE`. Tells its parent how many a second were read. */
import { connect } from 'node:net'

const [port = 0, count = 0, atOnce = 0] = process.argv.slice(2).map(Number)
let left = count

/** One connection for each message, as the cloud does: bytes, our end, and then the device's, which says that it has read. */
function send(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true })
    socket.once('connect', () => socket.end('Hello, device!'))
    socket.once('error', reject)
    socket.once('end', () => resolve())
    socket.resume()
  })
}

async function sender(): Promise<void> {
  while (left-- > 0) await send()
}

const begun = performance.now()
await Promise.all(Array.from({ length: atOnce }, sender))
process.send?.((count * 1000) / (performance.now() - begun))
process.disconnect()
