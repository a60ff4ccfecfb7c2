import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import { nodeClock } from '@halyard/core/node'
import { PacketReader, encodeToBytes } from '@halyard/wire/mqtt'
import { expect, it, onTestFinished } from 'vitest'
import { StoredPublications } from '../../src/mqtt/stored-publication.ts'
import { all, openDurable } from '../message-history-support.ts'
import { temporaryDirectory } from '../support.ts'

const DIST = pathToFileURL(join(import.meta.dirname, '../../dist')).href
/** The engine with a dialect that stores everything, as a hub has its history: no service of the hub does so yet. */
const PROGRAM = `
  import { createServer } from 'node:net'
  import { join } from 'node:path'
  import { silentLogger } from '@halyard/core'
  import { nodeClock, nodeDisk } from '@halyard/core/node'
  import { JournalReaders } from '${DIST}/domain/journal-readers.js'
  import { MessageBus } from '${DIST}/domain/message-bus.js'
  import { MessageLog } from '${DIST}/domain/message-log.js'
  import { SocketTransport } from '${DIST}/listen/socket-transport.js'
  import { DEFAULT_MQTT_LIMITS } from '${DIST}/mqtt/limits.js'
  import { MqttServer } from '${DIST}/mqtt/server.js'
  import { StoredPublications } from '${DIST}/mqtt/stored-publication.js'
  import { JournalMessageHistory } from '${DIST}/store/journal-message-history.js'
  import { MemoryMessages } from '${DIST}/store/memory-messages.js'
  import { encodeMessageRecord } from '${DIST}/store/record.js'
  import { SegmentJournal } from '${DIST}/store/segment-journal.js'
  import { SqliteIndex } from '${DIST}/store/sqlite/sqlite-index.js'

  const directory = process.argv[1]
  const [clock, hubId, journalPath] = [nodeClock(), 'testtest', join(directory, 'journal')]
  const journal = await SegmentJournal.open({ path: journalPath, disk: nodeDisk() })
  const reader = new JournalReaders(journal, (error) => { throw error }).add()
  const path = join(directory, 'hub.sqlite')
  const index = await SqliteIndex.open({ path, journal, journalPath, hubId, reader, clock, logger: silentLogger })
  const history = new JournalMessageHistory({
    log: new MessageLog({ journal, bus: new MessageBus(), hubId, codec: { encode: encodeMessageRecord } }),
    history: index.history, journal, hubId, codec: new StoredPublications(clock), clock, isFull: () => false,
    originOf: () => ({ service: 'mqtt', account: '' }),
  })
  const dialect = {
    name: 'all',
    plan: (principal, topic) => ({
      kind: 'route', space: 'test', channel: topic, topic, echo: true, mayRetain: false, store: 3600, validUntil: Infinity,
    }),
  }
  const principal = { dialect, space: 'test', account: '', name: undefined, mayPersist: false, epoch: 0 }
  const server = new MqttServer({
    authenticate: () => ({ accepted: true, principal }),
    store: new MemoryMessages(), history, clock, logger: silentLogger, limits: DEFAULT_MQTT_LIMITS,
  })
  const listener = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {})
    server.accept(new SocketTransport(socket, { door: 'mqtt', peer: { address: '127.0.0.1', host: '127.0.0.1' } }))
  })
  listener.listen(0, '127.0.0.1', () => console.log(listener.address().port))
`

/** Keeps so many messages on their way until its connection ends. */
async function publish(port: number, name: string, acknowledged: (text: string) => void): Promise<number> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  onTestFinished(() => void socket.destroy())
  socket.on('error', () => {})
  const waiting = new Map<number, string>()
  let sent = 0
  const next = (): void => {
    const [text, packetId] = [`${name}/${sent++}`, 1 + (sent % 65_535)]
    waiting.set(packetId, text)
    const payload = Buffer.from(text)
    const rest = { payload, qos: 1, packetId, retain: false, dup: false, properties: {} } as const
    socket.write(encodeToBytes({ type: 'publish', topic: `t/${name}`, ...rest }, 5))
  }
  const reader = new PacketReader(
    {
      publish: () => {},
      packet: (packet) => {
        if (packet.type === 'connack') for (let count = 0; count < 20; count++) next()
        if (packet.type !== 'puback') return
        if (packet.reasonCode < 0x80) acknowledged(waiting.get(packet.packetId) ?? '')
        waiting.delete(packet.packetId)
        next()
      },
    },
    { receiver: 'client', version: 5 },
  )
  socket.on('data', (chunk) => reader.push(chunk))
  socket.write(encodeToBytes({ type: 'connect', version: 5, clientId: name, cleanStart: true, keepAlive: 0 }, 5))
  await new Promise((resolve) => socket.on('close', resolve))
  return sent
}

it('messages that are stored and acknowledged are in the history once, whenever the process was killed', async () => {
  const directory = await temporaryDirectory()
  const acknowledged: string[] = []
  const sent = new Map<string, number>()
  for (let round = 0; round < 3; round++) {
    const child = spawn(process.execPath, ['--input-type=module', '--eval', PROGRAM, directory], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    const exited = once(child, 'exit')
    const [port] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
    const enough = acknowledged.length + 150 + 170 * round
    const names = ['a', 'b', 'c'].map((name) => `${round}${name}`)
    const ends = names.map((name) =>
      publish(Number(port), name, (text) => {
        acknowledged.push(text)
        if (acknowledged.length >= enough) child.kill('SIGKILL')
      }),
    )
    const counts = await Promise.all(ends)
    for (const [at, name] of names.entries()) sent.set(name, counts[at] ?? 0)
    await exited
  }
  const { history, close } = await openDurable(directory, new StoredPublications(nodeClock()))
  const stored = await all(history.read('test', 't/#'))
  await close()
  const texts = stored.map(({ message }) => Buffer.from(message.payload).toString())
  expect(new Set(texts).size).toBe(texts.length)
  expect(acknowledged.filter((text) => !texts.includes(text))).toEqual([])
  expect(acknowledged.length).toBeGreaterThan(900)
  for (const [name, count] of sent) {
    // What was on its way is there or not, and nothing behind what is not.
    const numbers = texts.filter((text) => text.startsWith(`${name}/`)).map((text) => Number(text.split('/')[1]))
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, number) => number))
    expect(numbers.length).toBeLessThanOrEqual(count)
  }
})
