import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { PacketReader, encodeToBytes } from '@halyard/wire/mqtt'
import type { Packet, Qos } from '@halyard/wire/mqtt'
import { connectPacket, publishPacket, subscribePacket } from '../../../mqtt/raw-client.ts'
import { nameOf } from './broker-model.ts'

export type Answer = Readonly<Record<string, unknown>>

export interface SoakWill {
  readonly topic: string
  readonly payload: string
}

/** A client of Emitter's that acknowledges, and otherwise writes down what comes. */
export class SoakClient {
  readonly socket: Socket
  /** What came and was no answer: `channel payload`, `error req status`, `presence event channel who`. */
  readonly inbox: string[] = []
  readonly #waiting = new Map<string, (packet: Packet) => void>()
  readonly #answers = new Map<number, Answer>()
  #packetId = 0
  #isOver = false

  private constructor(socket: Socket) {
    this.socket = socket
    const reader = new PacketReader(
      { publish: (packet) => this.#came(packet.toPacket()), packet: (packet) => this.#came(packet) },
      { receiver: 'client', version: 4, maxPacketBytes: 2 ** 24 },
    )
    socket.on('data', (chunk) => reader.push(chunk))
    socket.setMaxListeners(50)
    socket.on('error', () => {})
    socket.on('close', () => (this.#isOver = true))
  }

  static async open(port: number, username: string | undefined, will: SoakWill | undefined): Promise<SoakClient> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    const client = new SoakClient(socket)
    await once(socket, 'connect')
    const last = will && { topic: will.topic, payload: Buffer.from(will.payload), qos: 0 as const, retain: false }
    await client.#call(
      'connack',
      connectPacket({ ...(username !== undefined && { username }), ...(last && { will: last }) }),
    )
    return client
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** All that it sent has been handled, and all that was meant for it has come. */
  async settle(): Promise<void> {
    await this.#call('pingresp', { type: 'pingreq' })
  }

  /** With QoS 1; the answer without its `req`. */
  async ask(name: string, body: object): Promise<Answer> {
    const packetId = this.#nextId()
    const packet = publishPacket(`emitter/${name}/`, JSON.stringify(body), { qos: 1, packetId })
    await this.#call(`puback ${packetId}`, packet)
    const answer = this.#answers.get(packetId)
    this.#answers.delete(packetId)
    if (answer === undefined) throw new Error(`${name}: a PUBACK without an answer`)
    return answer
  }

  /** Its packet identifier, once it is acknowledged; QoS 0: 0, at once. */
  async publish(topic: string, payload: string, qos: 0 | 1): Promise<number> {
    const packetId = qos === 0 ? 0 : this.#nextId()
    // Our encoder would refuse wildcards.
    const bytes = publishBytes(topic, payload, packetId)
    if (qos === 0) this.socket.write(bytes)
    else await this.#call(`puback ${packetId}`, bytes)
    return packetId
  }

  /** The SUBACK's code, the packet identifier, and the messages that came before it. */
  async subscribe(
    filter: string,
    qos: Qos,
  ): Promise<{ readonly code: number; readonly packetId: number; readonly before: readonly string[] }> {
    const packetId = this.#nextId()
    const at = this.inbox.length
    let end = 0
    const suback = (await this.#call(`suback ${packetId}`, subscribePacket(packetId, [{ filter, qos }]), () => {
      end = this.inbox.length
    })) as Extract<Packet, { type: 'suback' }>
    const isMessage = (entry: string): boolean => !/^(presence|error) /.test(entry)
    const before = this.inbox.slice(at, end).filter(isMessage)
    // They are owed to nobody else.
    this.inbox.splice(at, end - at, ...this.inbox.slice(at, end).filter((entry) => !isMessage(entry)))
    return { code: suback.reasonCodes[0] ?? -1, packetId, before }
  }

  async unsubscribe(filter: string): Promise<number> {
    const packetId = this.#nextId()
    await this.#call(`unsuback ${packetId}`, { type: 'unsubscribe', packetId, filters: [filter] })
    return packetId
  }

  #call(answer: string, packet: Packet | Uint8Array, then: () => void = () => {}): Promise<Packet> {
    return new Promise((resolve, reject) => {
      if (this.#isOver) return reject(new Error(`the connection is over, where ${answer} was expected`))
      const over = (): void => reject(new Error(`the hub closed the connection, where ${answer} was expected`))
      this.socket.once('close', over)
      this.#waiting.set(answer, (came) => {
        this.socket.off('close', over)
        then()
        resolve(came)
      })
      this.socket.write(packet instanceof Uint8Array ? packet : encodeToBytes(packet, 4))
    })
  }

  #nextId(): number {
    this.#packetId = (this.#packetId % 65_535) + 1
    return this.#packetId
  }

  #came(packet: Packet): void {
    if (packet.type === 'publish') {
      if (packet.qos === 1)
        this.socket.write(encodeToBytes({ type: 'puback', packetId: packet.packetId ?? 0, reasonCode: 0 }, 4))
      return this.#message(packet.topic, Buffer.from(packet.payload).toString())
    }
    const name = 'packetId' in packet ? `${packet.type} ${String(packet.packetId)}` : packet.type
    const waiting = this.#waiting.get(name)
    if (waiting === undefined) throw new Error(`${name} came, for which nobody waits`)
    this.#waiting.delete(name)
    waiting(packet)
  }

  #message(topic: string, text: string): void {
    if (!topic.startsWith('emitter/')) return void this.inbox.push(`${topic} ${text}`)
    const { req = 0, ...json } = JSON.parse(text) as Answer & { readonly req?: number }
    const {
      status = 0,
      event,
      channel,
      who,
    } = json as {
      readonly status?: number
      readonly event?: string
      readonly channel?: string
      readonly who?: { readonly id: string; readonly username?: string }
    }
    if (topic === 'emitter/error/') this.inbox.push(`error ${req} ${status}`)
    else if (req > 0) this.#answers.set(req, json)
    else this.inbox.push(`presence ${String(event)} ${String(channel)} ${who ? nameOf(who) : ''}`)
  }
}

function publishBytes(topic: string, payload: string, packetId: number): Uint8Array {
  const name = Buffer.from(topic)
  const body = Buffer.from(payload)
  const size = 2 + name.length + (packetId > 0 ? 2 : 0) + body.length
  const id = packetId > 0 ? [packetId >> 8, packetId & 0xff] : []
  const head = [packetId > 0 ? 0x32 : 0x30, (size & 0x7f) | 0x80, size >> 7, name.length >> 8, name.length & 0xff]
  return Buffer.concat([Buffer.from(head), name, Buffer.from(id), body])
}
