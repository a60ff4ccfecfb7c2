/**
 * A reader in a process of its own, with a session and a path, that is killed and begun anew; and what went over its cable,
 * so that each message which comes again can be asked why.
 *
 * ```
 * hub      --- PUBLISH 7 --->  reader   handed over, then handled
 * hub      <--- PUBREC 7 ---   reader
 * hub      --- PUBREL 7 --->  reader   7 is settled, and so is all that was acknowledged before it: never again
 * ```
 */
import { PacketReader } from '@halyard/wire/mqtt'
import type { ProtocolVersion } from '@halyard/wire/mqtt'
import type { PassedBytes } from '@halyard/testkit'
import { Program, dist } from './program.ts'

/** Lines: `got` when the handler begins, `done` when it ends. What it makes of each message it publishes once, by its id. */
const READER = `
  import { writeSync } from 'node:fs'
  import { MqttClient } from '${dist('mqtt')}'
  const [options, url] = process.argv.slice(1)
  const client = new MqttClient(url, JSON.parse(options))
  const say = (...words) => writeSync(1, words.join(' ') + '\\n')
  client.on('error', () => {})
  const onMessage = async (message) => {
    const text = message.text()
    say('got', text, message.topic, message.qos, message.dup)
    await client.publish('seen', text, { qos: 2, id: text })
    say('done', text)
  }
  await Promise.all([
    client.subscribe('m/#', { qos: 2, onMessage }),
    client.subscribe('one/#', { qos: 1, onMessage }),
  ])
  say('ready')
`

/** A publisher of QoS 1 may have sent it twice: then these are two messages. */
const isTwoPerhaps = (topic: string): boolean => topic.endsWith('/1')

interface Got {
  readonly text: string
  readonly topic: string
  readonly qos: number
  readonly dup: boolean
  /** the process, counted from 0 */
  readonly life: number
}

export class KilledReader {
  readonly #options: string
  readonly #url: string
  #program: Program | undefined
  #life = -1
  #onGot = (): void => {}
  /** in the order in which they were handed over, over all lives */
  readonly got: Got[] = []
  readonly handled = new Set<string>()

  constructor(url: string, options: object) {
    this.#url = url
    this.#options = JSON.stringify(options)
  }

  /** Resolves when it is subscribed. */
  start(): Promise<void> {
    const life = ++this.#life
    this.#program = new Program(READER, [this.#options, this.#url], (line) => this.#hear(life, line))
    return this.#program.says('ready')
  }

  /** Resolves when so many more have been handed over, or after so many milliseconds. */
  hears(count: number, milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      if (count === 0) return resolve()
      const timer = setTimeout(resolve, milliseconds)
      const wanted = this.got.length + count
      this.#onGot = () => {
        if (this.got.length < wanted) return
        clearTimeout(timer)
        resolve()
      }
    })
  }

  async kill(): Promise<void> {
    await this.#program?.kill()
  }

  #hear(life: number, line: string): void {
    const [event, text = '', topic = '', qos = '', dup = ''] = line.split(' ')
    if (event === 'done') this.handled.add(text)
    else {
      this.got.push({ text, topic, qos: Number(qos), dup: dup === 'true', life })
      this.#onGot()
    }
  }

  /** What the standard does not permit among the messages that came more than once. */
  complaints(): string[] {
    const before = new Map<string, Got>()
    return this.got.flatMap((one) => {
      const first = before.get(one.text)
      before.set(one.text, one)
      if (first === undefined || one.qos === 0) return []
      const again = `${one.text} of QoS ${one.qos} in life ${one.life}, after life ${first.life}`
      if (!one.dup && !isTwoPerhaps(one.topic)) return [`not marked as a duplicate: ${again}`]
      return one.qos === 2 && one.life === first.life ? [`twice in one process: ${again}`] : []
    })
  }
}

interface Line {
  readonly toTarget: PacketReader
  readonly toClient: PacketReader
  /** what was acknowledged in this connection, in order, and is not known to have arrived */
  acknowledged: string[]
}

/** Everything that passes on the cable of a reader. */
export class Watcher {
  readonly #version: ProtocolVersion
  readonly #lines = new Map<PassedBytes['connection'], Line>()
  /** the message that a packet identifier means now */
  readonly #texts = new Map<number, string>()
  readonly #settled = new Set<string>()
  /** sent again though the server knew that they were settled */
  readonly complaints: string[] = []

  constructor(version: ProtocolVersion) {
    this.#version = version
  }

  readonly passed = ({ connection, to, bytes }: PassedBytes): void => {
    let line = this.#lines.get(connection)
    if (line === undefined) this.#lines.set(connection, (line = this.#newLine()))
    // The reader keeps what is unfinished, and these bytes are the proxy's.
    line[to === 'target' ? 'toTarget' : 'toClient'].push(Uint8Array.from(bytes))
  }

  #newLine(): Line {
    const line: Line = {
      toTarget: new PacketReader(
        {
          publish: () => {},
          packet: (packet) => {
            if (packet.type !== 'puback' && packet.type !== 'pubrec') return
            const text = this.#texts.get(packet.packetId)
            if (text !== undefined) line.acknowledged.push(text)
          },
        },
        { receiver: 'server' },
      ),
      toClient: new PacketReader(
        {
          publish: (packet) => {
            const { qos, packetId, payload, topic } = packet.toPacket()
            const text = new TextDecoder().decode(payload)
            if (qos === 0 || packetId === undefined) return
            this.#texts.set(packetId, text)
            if (!this.#settled.has(text) || isTwoPerhaps(topic)) return
            this.complaints.push(`${text} was settled, and is sent again with QoS ${qos}`)
          },
          packet: (packet) => {
            if (packet.type !== 'pubrel') return
            const text = this.#texts.get(packet.packetId)
            const upTo = text === undefined ? -1 : line.acknowledged.indexOf(text)
            for (const settled of line.acknowledged.splice(0, upTo + 1)) this.#settled.add(settled)
          },
        },
        { receiver: 'client', version: this.#version },
      ),
      acknowledged: [],
    }
    return line
  }
}
