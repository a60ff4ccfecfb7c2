// `node emitter-io.mjs`: emitter-io as npm has it, with commands as JSON lines on standard input, and what its callbacks
// brought as JSON lines on standard output: `{ client, call, argument }`, `{ client, event, data }`.
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

// The library prints what it sends in link().
console.log = () => {}

const emitterIo = createRequire(import.meta.url)('emitter-io')
const EVENTS = ['connect', 'disconnect', 'offline', 'error', 'message', 'keygen', 'presence', 'me']
const clients = new Map()
const tell = (line) => process.stdout.write(`${JSON.stringify(line)}\n`)

/** What a callback was given, as text. */
function plain(event, data) {
  if (event === 'message')
    return { channel: data.channel, text: data.asString(), bytes: [...data.asBinary()], object: object(data) }
  if (data instanceof Error) return { error: data.message }
  return data?.constructor?.name === 'Emitter' ? undefined : data
}

function object(message) {
  const { error } = console
  console.error = () => {}
  try {
    return message.asObject()
  } finally {
    console.error = error
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const { client: name, call, argument } = JSON.parse(line)
  try {
    if (call === 'connect') {
      const client = emitterIo.connect(argument, () => tell({ client: name, event: 'callback' }))
      const callbacks = Object.fromEntries(
        EVENTS.map((event) => [event, (data) => tell({ client: name, event, data: plain(event, data) })]),
      )
      clients.set(name, { client, callbacks })
      for (const event of EVENTS) client.on(event, callbacks[event])
    } else {
      const { client, callbacks } = clients.get(name)
      if (call === 'on' || call === 'off') client[call](argument, callbacks[argument] ?? (() => {}))
      else if (call === 'cut') client._mqtt.stream.destroy()
      else client[call](argument)
    }
    tell({ client: name, event: 'done' })
  } catch (error) {
    tell({ client: name, event: 'done', data: { error: error.message } })
  }
}
process.exit()
