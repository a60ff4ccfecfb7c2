// MQTT.js as a program that does what it is told: in Node 5.16 and 1.11.2, in a browser the bundle of 5.16. It adds
// nothing to what the library says: each answer is what a callback or an event of MQTT.js has brought.
//
// Bytes are texts of as many characters (latin1), both ways.

/** A client that is refused must not come again by itself, unless the test is about that. */
const QUIET = { reconnectPeriod: 0, connectTimeout: 30_000 }

/**
 * @param {{ connect: (url: string, options: object) => any }} mqtt the library
 * @param {(event: object) => void} emit
 */
export function mqttjs(mqtt, emit) {
  const clients = new Map()

  const actions = {
    connect: (name, { url, will, ...options }) =>
      new Promise((resolve, reject) => {
        const client = mqtt.connect(url, {
          ...QUIET,
          ...options,
          ...(will && { will: { ...will, payload: bytesOf(will.payload) } }),
        })
        clients.set(name, client)
        const acknowledged = new Map()
        client.acknowledged = acknowledged
        client.on('packetreceive', (packet) => {
          const { cmd, messageId, reasonCode = 0 } = packet
          if (['puback', 'pubrec', 'pubcomp'].includes(cmd)) acknowledged.set(messageId, reasonCode)
          if (cmd === 'suback' || cmd === 'unsuback') client.granted = packet.granted ?? []
          if (cmd === 'pingresp') emit({ client: name, event: 'pong' })
        })
        client.on('message', (topic, payload, { qos, retain, dup, properties }) =>
          emit({
            client: name,
            event: 'message',
            topic,
            payload: textOf(payload),
            qos,
            retain,
            dup,
            properties: plain(properties),
          }),
        )
        client.on('disconnect', ({ reasonCode }) => emit({ client: name, event: 'disconnect', reasonCode }))
        client.on('connect', (packet) => {
          const { sessionPresent, reasonCode = packet.returnCode, properties } = packet
          const told = { sessionPresent, reasonCode, properties: plain(properties) }
          emit({ client: name, event: 'connect', ...told })
          resolve(told)
        })
        client.on('error', (error) => reject(Object.assign(error, { reasonCode: error.code ?? refusal(error) })))
        client.on('close', () => {
          emit({ client: name, event: 'close' })
          reject(new Error('closed before CONNACK'))
        })
      }),

    subscribe: (name, { filters, properties }) =>
      new Promise((resolve, reject) => {
        const client = clients.get(name)
        const wanted = Object.fromEntries(
          filters.map(({ filter, ...options }) => [filter, old(client) ? options.qos : options]),
        )
        client.granted = undefined
        const done = (error, granted) => {
          // What MQTT.js makes of a refusal is an error; what the hub has said is in SUBACK.
          if (error && client.granted === undefined) reject(error)
          else resolve({ codes: client.granted ?? granted.map(({ qos }) => qos), error: error?.message })
        }
        client.subscribe(old(client) ? wanted : forNewer(filters), old(client) ? done : { properties }, done)
      }),

    unsubscribe: (name, { filters }) =>
      new Promise((resolve, reject) => {
        const client = clients.get(name)
        client.granted = undefined
        client.unsubscribe(filters, (error) => (error ? reject(error) : resolve({ codes: client.granted ?? [] })))
      }),

    publish: (name, { topic, payload, properties, ...rest }) =>
      new Promise((resolve, reject) => {
        const client = clients.get(name)
        const options = { ...rest, ...(properties && { properties: forPacket(properties) }) }
        let messageId
        const onSend = (packet) => {
          if (packet.cmd === 'publish' && packet.topic === topic) messageId = packet.messageId
        }
        client.on('packetsend', onSend)
        client.publish(topic, bytesOf(payload), options, (error, packet) => {
          client.removeListener('packetsend', onSend)
          messageId = packet?.messageId ?? messageId
          if (error && error.code === undefined) reject(error)
          else resolve({ reasonCode: error?.code ?? client.acknowledged.get(messageId) })
        })
      }),

    /** So many at once, numbered; resolves with how many were acknowledged. */
    publishMany: async (name, { topic, count, ...options }) => {
      const client = clients.get(name)
      await Promise.all(
        Array.from(
          { length: count },
          (_, number) =>
            new Promise((resolve, reject) => {
              client.publish(topic, String(number), options, (error) => (error ? reject(error) : resolve()))
            }),
        ),
      )
      return { count }
    },

    disconnect: (name, { reasonCode, properties } = {}) =>
      new Promise((resolve) => {
        const client = clients.get(name)
        const done = () => resolve({})
        if (reasonCode === undefined && properties === undefined) client.end(false, done)
        else client.end(false, { reasonCode, properties }, done)
      }),

    /** The connection goes without a word. */
    cut: (name) =>
      new Promise((resolve) => {
        const client = clients.get(name)
        client.once('close', () => resolve({}))
        client.stream.destroy()
      }),
  }

  /** One line in, one line out. */
  return async ({ id, client, action, ...rest }) => {
    try {
      emit({ id, result: (await actions[action](client, rest)) ?? {} })
    } catch (error) {
      emit({ id, error: error.message, reasonCode: error.reasonCode ?? error.code })
    }
  }
}

/** 1.11.2 says it in words alone. */
function refusal({ message }) {
  const words = [
    'Unacceptable protocol version',
    'Identifier rejected',
    'Server unavailable',
    'Bad username or password',
    'Not authorized',
  ]
  const at = words.indexOf(message.replace('Connection refused: ', ''))
  return at < 0 ? undefined : at + 1
}

const old = (client) => client.options.protocolVersion !== 5 && client.subscribeAsync === undefined

function forNewer(filters) {
  return Object.fromEntries(
    filters.map(({ filter, qos = 0, noLocal: nl, retainAsPublished: rap, retainHandling: rh }) => [
      filter,
      { qos, nl, rap, rh },
    ]),
  )
}

function bytesOf(text) {
  const bytes = new Uint8Array(text.length)
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at)
  return globalThis.Buffer ? Buffer.from(bytes.buffer) : bytes
}

function textOf(bytes) {
  let text = ''
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192))
  return text
}

function forPacket({ correlationData, ...rest }) {
  return { ...rest, ...(correlationData !== undefined && { correlationData: bytesOf(correlationData) }) }
}

function plain(properties) {
  if (!properties) return undefined
  const { correlationData, ...rest } = properties
  return { ...rest, ...(correlationData && { correlationData: textOf(correlationData) }) }
}
