/**
 * Devices that send one message after the other, one connection each: `hub-load.ts PORT ID KEY DEVICES SECONDS`. Tells
 * its parent how many were acknowledged a second. A process of its own, with as little in it as there can be.
 */
import { connect } from 'node:net'

const [port, id, key, devices, seconds] = process.argv.slice(2)
const frame = `{"s": "${id}", "c": "${key}", "d": "21.5"}\r\r`
const begun = performance.now()
const until = begun + Number(seconds) * 1000
let acknowledged = 0

function send(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: Number(port), noDelay: true })
    let answer = ''
    socket.once('connect', () => socket.write(frame))
    socket.on('data', (chunk) => (answer += chunk.toString('latin1')))
    socket.once('end', () => (answer === '[0,0]' ? resolve() : reject(new Error(`answered ${answer}`))))
    socket.once('error', reject)
  })
}

async function device(): Promise<void> {
  while (performance.now() < until) {
    await send()
    acknowledged++
  }
}

await Promise.all(Array.from({ length: Number(devices) }, device))
process.send?.((acknowledged * 1000) / (performance.now() - begun))
process.disconnect()
