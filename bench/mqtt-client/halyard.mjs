// Our client, as its guide has it.
import { connect, MqttClient } from '@halyard/mqtt'
import { Outbox } from '@halyard/core'
import { answer, counter, measured, payloadOf, play } from './turns.mjs'

let client
const messages = counter()

await play({
  async open({ port }) {
    client = await connect(`mqtt://127.0.0.1:${port}`)
    return {}
  },

  async close() {
    await client.close()
    return {}
  },

  /** `inFlight` promises at a time. */
  publish({ qos, bytes, count, inFlight }) {
    const payload = payloadOf(bytes)
    return measured(async () => {
      for (let left = count; left > 0; left -= inFlight) {
        const batch = []
        for (let i = Math.min(left, inFlight); i > 0; i--) batch.push(client.publish('bench/publish', payload, { qos }))
        await Promise.all(batch)
      }
    })
  },

  async listen({ qos, how }) {
    if (how === 'callback') {
      await client.subscribe('bench/receive', { qos, onMessage: () => messages.one() })
      return {}
    }
    const subscription = await client.subscribe('bench/receive', { qos })
    void (async () => {
      for await (const _ of subscription) messages.one()
    })()
    return {}
  },

  receive({ count }) {
    const all = messages.expect(count)
    answer({ ready: true })
    return measured(() => all)
  },

  /** Queued without a server by one client, drained by the next one; with a directory it has to read them again. */
  async drain({ port, bytes, count, path }) {
    const options = { path, maxMessages: count, maxBytes: 2 ** 30 }
    const destination = 'bench:drain'
    const payload = payloadOf(bytes)
    let outbox = await Outbox.open(options)
    const offline = new MqttClient('mqtt://127.0.0.1:1', { outbox, destination })
    const queued = []
    for (let i = 0; i < count; i++) queued.push(offline.publish('bench/drain', payload))
    await Promise.all(queued)
    await offline.close()
    if (path !== undefined) {
      await outbox.close()
      outbox = await Outbox.open(options)
    }
    const result = await measured(async () => {
      const online = await connect(`mqtt://127.0.0.1:${port}`, { outbox, destination })
      await outbox.idle()
      await online.close()
    })
    await outbox.close()
    return result
  },
})
