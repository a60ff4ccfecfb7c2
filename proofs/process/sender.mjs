// A process to be killed or traced: it queues messages, delivers them to a peer over a socket, and says on standard
// output what it promised, each line in one write(2). It runs what is shipped (`dist`).
//
//   node sender.mjs DIRECTORY PORT SEED ROUND COUNT LINES
//
// When it has said LINES lines it kills itself.
//
// Lines out: `open`, `queued ID`, `delivered ID`, `dropped ID`, `refused ID`, `idle`. Lines to the peer: `ID`; its
// answers: `+ID` delivered, `-ID` refused. A connection that breaks before an answer is a delivery to be tried again;
// one that could not be made certainly brought nothing.
import { writeSync } from 'node:fs'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { Outbox } from '@halyard/core'
import { seededRandom } from '@halyard/testkit'

const [path = '', port = '', seed = '', round = '', count = '', lines = ''] = process.argv.slice(2)
const random = seededRandom(Number(seed))
let said = 0
const say = (/** @type {string} */ line) => {
  writeSync(1, `${line}\n`)
  if (++said >= Number(lines)) process.kill(process.pid, 'SIGKILL')
}

const outbox = await Outbox.open({ path }, { segmentBytes: 8 * 1024, random: () => 0.001 })
for (const state of /** @type {const} */ (['queued', 'delivered', 'dropped'])) {
  outbox.on(state, ({ id }) => say(`${state} ${id}`))
}

for (const destination of ['a', 'b', 'sms']) outbox.attach(destination, deliverer())
say('open')

/** One connection for each destination, made when it is needed. */
function deliverer() {
  /** @type {ReturnType<typeof open> | undefined} */
  let connection
  /** @type {Map<string, (answer: string | undefined) => void>} */
  const waiting = new Map()
  /** The socket; none if nobody answers. */
  const open = () =>
    new Promise((resolve) => {
      const socket = connect(Number(port), '127.0.0.1', () => resolve(socket))
      socket.on('error', () => resolve(undefined))
      socket.on('close', () => {
        connection = undefined
        for (const answer of waiting.values()) answer(undefined)
      })
      const lines = createInterface({ input: socket })
      lines.on('error', () => {})
      lines.on('line', (line) => waiting.get(line.slice(1))?.(line))
    })
  /** @returns {Promise<import('@halyard/core').Delivery>} */
  return async ({ id }) => {
    const socket = await (connection ??= open())
    if (socket === undefined) return { outcome: 'retry', reason: 'no connection' }
    const answer = await new Promise((resolve) => {
      waiting.set(id, resolve)
      socket.write(`${id}\n`)
    })
    waiting.delete(id)
    if (answer === `+${id}`) return { outcome: 'delivered' }
    if (answer === `-${id}`) return { outcome: 'refused', reason: 'the peer said so' }
    // Cut in the middle: a message that may go out once has had its turn.
    if (id.endsWith('!')) throw new Error('the connection broke')
    return { outcome: 'retry', reason: 'the connection broke' }
  }
}

const numbers = new Map()
for (let index = 0; index < Number(count); index++) {
  const destination = random.pick(['a', 'a', 'b', 'sms'])
  const priority = random.pick(/** @type {const} */ (['high', 'normal', 'normal', 'low']))
  const lane = `${destination}/${priority}`
  const number = (numbers.get(lane) ?? 0) + 1
  numbers.set(lane, number)
  const id = `${lane}:${Number(round) * 10_000 + number}${destination === 'sms' ? '!' : ''}`
  const body = Buffer.alloc(1 + random.integer(400), id)
  const submission = { destination, kind: 'proof', body, options: { topics: [id] }, atMostOnce: destination === 'sms' }
  outbox.submit(submission, { id, priority }).then(
    ({ state }) => state === 'queued' && say(`queued ${id}`),
    () => say(`refused ${id}`),
  )
  // Some in bursts, some one after the other's turn.
  if (random.chance(0.5)) await new Promise((resolve) => setImmediate(resolve))
}
await outbox.idle()
say('idle')
await outbox.close()
process.exit()
