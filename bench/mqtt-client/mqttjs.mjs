// MQTT.js, as its README has it, 5.0 like ours: `mqttjs.mjs MAIN`.
import { pathToFileURL } from 'node:url'
import { answer, counter, measured, payloadOf, play } from './turns.mjs'

const { default: mqtt } = await import(pathToFileURL(process.argv[2]).href)
const options = { protocolVersion: 5, reconnectPeriod: 0 }
const url = (port) => `mqtt://127.0.0.1:${port}`

let client
const messages = counter()

await play({
  async open({ port }) {
    client = await mqtt.connectAsync(url(port), options)
    client.on('message', () => messages.one())
    return {}
  },

  async close() {
    await client.endAsync()
    return {}
  },

  /** `inFlight` callbacks at a time. */
  publish({ qos, bytes, count, inFlight }) {
    const payload = Buffer.from(payloadOf(bytes))
    return measured(async () => {
      for (let left = count; left > 0; left -= inFlight) {
        const size = Math.min(left, inFlight)
        await new Promise((resolve, reject) => {
          let waiting = size
          const done = (error) => {
            if (error) reject(new Error('not published', { cause: error }))
            else if (--waiting === 0) resolve()
          }
          for (let i = 0; i < size; i++) client.publish('bench/publish', payload, { qos }, done)
        })
      }
    })
  },

  async listen({ qos }) {
    await client.subscribeAsync('bench/receive', { qos })
    return {}
  },

  receive({ count }) {
    const all = messages.expect(count)
    answer({ ready: true })
    return measured(() => all)
  },

  /** Published in the turn in which it begins to connect: its queue in memory. */
  async drain({ port, bytes, count }) {
    const payload = Buffer.from(payloadOf(bytes))
    // It overruns the Receive Maximum of 5.0 with what it has queued, and is sent away: 3.1.1 knows none.
    const queued = mqtt.connect(url(port), { ...options, protocolVersion: 4 })
    let waiting = count
    let done
    const all = new Promise((resolve) => (done = resolve))
    for (let i = 0; i < count; i++) {
      queued.publish('bench/drain', payload, { qos: 1 }, () => {
        if (--waiting === 0) done()
      })
    }
    const result = await measured(async () => {
      await all
      await queued.endAsync()
    })
    return result
  },
})
