// `node client.mjs ours|emitter-io start|load PORT KEY [QOS]`: one of the two clients, which connects and goes, or publishes to
// itself. Prints messages a second.
import { createRequire } from 'node:module'

const [, , which, what, port, key, qos = '0'] = process.argv
const options = { host: '127.0.0.1', port: Number(port), secure: false }
const WARM = 5000
const MESSAGES = 50_000
const channel = 'demo/c/'

const client = which === 'ours' ? await ours() : await theirs()
if (what === 'load') {
  await client.subscribe()
  await run(WARM)
  const begun = performance.now()
  await run(MESSAGES)
  console.log((MESSAGES * 1000) / (performance.now() - begun))
}
process.exit()

/** At most so many on their way. */
function run(count) {
  const window = 500
  return new Promise((resolve) => {
    let sent = 0
    let came = 0
    const fill = () => {
      while (sent < count && sent - came < window) client.publish(String(sent++))
    }
    client.heard = () => {
      if (++came === count) resolve()
      else if (sent - came < window / 2) fill()
    }
    fill()
  })
}

async function ours() {
  const { connect } = await import('@halyard/emitter')
  const emitter = connect({ ...options, ...(process.env.TRANSPORT && { transport: process.env.TRANSPORT }) })
  await new Promise((resolve) => emitter.on('connect', resolve))
  const self = {
    heard: () => {},
    subscribe: () => emitter.subscribe({ key, channel, last: 0 }).then(() => emitter.on('message', () => self.heard())),
    publish: (message) => void emitter.publish({ key, channel, message, qos: Number(qos) }),
  }
  return self
}

async function theirs() {
  const emitterIo = createRequire(new URL('../../interop/', import.meta.url))('emitter-io')
  const emitter = emitterIo.connect(options)
  await new Promise((resolve) => emitter.on('connect', resolve))
  const topic = `${key}/${channel}`
  const self = {
    heard: () => {},
    subscribe: () =>
      new Promise((resolve) => {
        emitter.on('message', () => self.heard())
        emitter._mqtt.subscribe(`${topic}?last=0`, () => resolve())
      }),
    // It has no QoS 1 of its own: its MQTT client does.
    publish: (message) =>
      qos === '0'
        ? emitter.publish({ key, channel, message })
        : emitter._mqtt.publish(`${topic}?me=1`, message, { qos: Number(qos) }),
  }
  return self
}
