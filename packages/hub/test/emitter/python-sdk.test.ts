/**
 * The packets of Emitter's SDKs for Python, 1.1.0 and 2.3.0, byte for byte as their MQTT library writes them, and the bytes
 * of every answer. docs/protocols/emitter.md §1.5
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { MASTER, TEST_KEY, UNAUTHORIZED, startRecordedHub } from './support.ts'
import type { EmitterHub } from './support.ts'

/** A text with its length before it. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([Buffer.of(bytes.length >> 8, bytes.length & 0xff), bytes])
}

function packet(first: number, ...parts: readonly (Buffer | string)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)))
  const { length } = body
  return Buffer.concat([
    Buffer.from(length < 128 ? [first, length] : [first, (length & 0x7f) | 0x80, length >> 7]),
    body,
  ])
}

const id = (number: number): Buffer => Buffer.of(number >> 8, number & 0xff)
const publish = (topic: string, payload = '', first = 0x30): Buffer => packet(first, text(topic), payload)
const publish1 = (number: number, topic: string, payload: string): Buffer =>
  packet(0x32, text(topic), id(number), payload)
const puback = (number: number): Buffer => packet(0x40, id(number))
const subscribe = (number: number, filter: string): Buffer => packet(0x82, id(number), text(filter), Buffer.of(0))
const suback = (number: number, code = 0): Buffer => packet(0x90, id(number), Buffer.of(code))
const unsubscribe = (number: number, filter: string): Buffer => packet(0xa2, id(number), text(filter))
const unsuback = (number: number): Buffer => packet(0xb0, id(number))
const CONNACK = Buffer.of(0x20, 2, 0, 0)
const PING = Buffer.of(0xc0, 0)
const PONG = Buffer.of(0xd0, 0)
/** paho: protocol level 4, clean session, keep-alive 30, with a user name and no password or without both. */
const hello = (user?: string): Buffer =>
  packet(
    0x10,
    ...[text('MQTT'), Buffer.of(4, user === undefined ? 2 : 0x82, 0, 30), text('paho/5F2A7C11B04D9E3386')],
    ...(user === undefined ? [] : [text(user)]),
  )

/** A socket, what came over it, and nothing else. */
class Wire {
  readonly #socket: Socket
  #came = Buffer.alloc(0)
  #wake: () => void = () => {}

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk) => {
      this.#came = Buffer.concat([this.#came, chunk])
      this.#wake()
    })
    socket.on('close', () => this.#wake())
    onTestFinished(() => void socket.destroy())
  }

  send(...packets: readonly Buffer[]): void {
    this.#socket.write(Buffer.concat(packets))
  }

  /** These very bytes come, and behind them nothing. */
  async gets(...packets: readonly Buffer[]): Promise<void> {
    const wanted = Buffer.concat(packets)
    await this.#until(() => this.#came.length >= wanted.length)
    expect(this.#take().toString('latin1')).toBe(wanted.toString('latin1'))
    this.send(PING)
    await this.#until(() => this.#came.length >= PONG.length)
    expect(this.#take()).toEqual(PONG)
  }

  /** As one text. */
  async answer(): Promise<string> {
    // A key that is made waits for the disk, a PINGRESP does not.
    await this.#until(() => this.#came.length > 2)
    this.send(PING)
    await this.#until(() => this.#came.subarray(-2).equals(PONG))
    return this.#take().subarray(0, -2).toString('latin1')
  }

  #take(): Buffer {
    const came = this.#came
    this.#came = Buffer.alloc(0)
    return came
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition() && !this.#socket.destroyed) await new Promise<void>((resolve) => (this.#wake = resolve))
  }
}

let hub: EmitterHub
const K = TEST_KEY
const error = (req: number, status: number, message: string): Buffer =>
  publish('emitter/error/', JSON.stringify({ ...(req > 0 && { req }), status, message }))

async function open(user?: string): Promise<Wire> {
  hub = await startRecordedHub()
  return another(user)
}

async function another(user?: string): Promise<Wire> {
  const socket = connect({ port: hub.hub.ports.front, host: '127.0.0.1', noDelay: true })
  const wire = new Wire(socket)
  await once(socket, 'connect')
  wire.send(hello(user))
  await wire.gets(CONNACK)
  return wire
}

beforeAll(() => expect(K).toHaveLength(32))

describe('2.3.0', () => {
  it('subscribe and every way to publish: options, a bare question mark, a trailing ampersand', async () => {
    const wire = await open()
    wire.send(subscribe(1, `${K}/test/`))
    await wire.gets(suback(1))
    wire.send(publish(`${K}/test/`, 'plain'))
    await wire.gets(publish('test/', 'plain'))
    wire.send(publish(`${K}/test/?ttl=5`, 'ttl'))
    await wire.gets(publish('test/', 'ttl'))
    wire.send(publish(`${K}/test/?me=0`, 'without echo'))
    await wire.gets()
    wire.send(publish1(2, `${K}/test/?`, 'at least once'))
    await wire.gets(publish('test/', 'at least once'), puback(2))
    wire.send(publish(`${K}/test/?`, 'retained', 0x31))
    await wire.gets(publish('test/', 'retained'))
    wire.send(publish(`${K}/test/?ttl=5&`, 'both', 0x31))
    await wire.gets(publish('test/', 'both'))
    wire.send(publish(`${K}/test/?me=0&ttl=5`, 'in any order'), publish(`${K}/test/?ttl=5&me=0`, 'in any order'))
    await wire.gets()
    wire.send(unsubscribe(3, `${K}/test/`), publish(`${K}/test/`, 'unheard'))
    await wire.gets(unsuback(3))
  })

  it('subscribe with last, with a group; what is stored comes before the SUBACK', async () => {
    const wire = await open()
    const made = await wireKeygen(wire, 'py/#/', 'rwslp')
    for (const n of ['1', '2', '3']) wire.send(publish(`${made}/py/?ttl=60`, n))
    wire.send(subscribe(1, `${made}/py/?last=2`))
    await wire.gets(publish('py/', '2'), publish('py/', '3'), suback(1))
    const every = await wireKeygen(wire, '#/', 'rw')
    const member = await another()
    member.send(subscribe(1, `${every}/$share/g/py/`))
    await member.gets(suback(1))
    wire.send(publish(`${made}/py/?me=0`, 'shared'))
    await wire.gets()
    await member.gets(publish('py/', 'shared'))
  })

  it('presence, keyban, link and me, as QoS 0 requests', async () => {
    const wire = await open('bob')
    wire.send(publish('emitter/me/'))
    const [, mine = ''] = /"id":"([A-Z2-7]{26})"/.exec(await wire.answer()) ?? []
    const me = (links: string): Buffer => publish('emitter/me/', `{"status":200,"id":"${mine}"${links}}`)
    const made = await wireKeygen(wire, 'py/', 'rwp')
    const ask = (rest: string): Buffer => publish('emitter/presence/', `{"key": "${made}", "channel": "py", ${rest}}`)
    wire.send(ask('"status": false, "changes": true'))
    const done = '{"status":200,"time":0,"event":"","channel":"","who":null}'
    await wire.gets(publish('emitter/presence/', done))
    wire.send(subscribe(1, `${made}/py/`))
    const change = await wire.answer()
    expect(change).toMatch(
      new RegExp(`"time":\\d{10},"event":"subscribe","channel":"py/","who":{"id":"${mine}","username":"bob"}}`),
    )
    expect(change).toContain(suback(1).toString('latin1'))
    wire.send(ask('"status": true, "changes": false'))
    expect(await wire.answer()).toMatch(
      new RegExp(
        `{"status":200,"time":\\d{10},"event":"status","channel":"py/","who":\\[{"id":"${mine}","username":"bob"}\\]}$`,
      ),
    )
    wire.send(unsubscribe(2, `${made}/py/`))
    await wire.gets(unsuback(2))
    wire.send(
      publish('emitter/link/', `{"key": "${made}", "channel": "py/?ttl=5&me=0", "name": "a0", "subscribe": false}`),
      publish('emitter/link/', `{"key": "${made}", "channel": "py/", "name": "a1", "subscribe": true}`),
      publish('a1', 'x'),
      publish('a0', 'not to me'),
      publish('a9', 'no such link'),
      publish('emitter/me/'),
    )
    await wire.gets(
      publish('emitter/link/', '{"status":200,"name":"a0","channel":"py/?ttl=5\\u0026me=0"}'),
      publish('emitter/link/', '{"status":200,"name":"a1","channel":"py/"}'),
      publish('py/', 'x'),
      error(0, 400, 'the request was invalid or cannot be otherwise served'),
      me(',"links":{"a0":"py/?ttl=5\\u0026me=0","a1":"py/"}'),
    )
    const ban = (banned: boolean): Buffer =>
      publish('emitter/keyban/', `{"secret": "${MASTER}", "target": "${made}", "banned": ${String(banned)}}`)
    wire.send(ban(true))
    await wire.gets(error(0, 401, UNAUTHORIZED), publish('emitter/keyban/', '{"status":200,"banned":true}'))
    wire.send(publish(`${made}/py/`, 'banned'), ban(false))
    await wire.gets(error(0, 401, UNAUTHORIZED), publish('emitter/keyban/', '{"status":200,"banned":false}'))
  })

  it('what is refused, with QoS 0 and 1', async () => {
    const wire = await open()
    wire.send(subscribe(7, `${K}/other/`))
    await wire.gets(error(7, 401, UNAUTHORIZED), suback(7, 0x80))
    wire.send(unsubscribe(8, 'bad/test/'))
    await wire.gets(error(8, 401, UNAUTHORIZED), unsuback(8))
    wire.send(publish1(9, `${K}/other/?`, 'x'), publish(`${K}/other/`, 'x'))
    await wire.gets(error(9, 401, UNAUTHORIZED), puback(9), error(0, 401, UNAUTHORIZED))
    wire.send(publish('emitter/keygen/', '{"key": "K", "channel": "py", "type": "rw", "ttl": 0}'))
    await wire.gets(publish('emitter/keygen/', JSON.stringify({ status: 401, message: UNAUTHORIZED })))
  })
})

describe('1.1.0', () => {
  it('publish with ttl=0 and without, subscribe with last, which 2018 knew', async () => {
    const wire = await open()
    wire.send(subscribe(1, `${K}/test/?last=5`))
    await wire.gets(suback(1))
    wire.send(
      publish(`${K}/test/?ttl=0`, 'none'),
      publish(`${K}/test/`, 'plain'),
      publish(`${K}/test/?ttl=30`, 'half a minute'),
    )
    await wire.gets(publish('test/', 'none'), publish('test/', 'plain'), publish('test/', 'half a minute'))
    wire.send(unsubscribe(2, `${K}/test/`))
    await wire.gets(unsuback(2))
  })

  it('keygen without a type makes a key for nothing, presence gives status and changes', async () => {
    const wire = await open()
    const useless = await wireKeygen(wire, 'test/')
    wire.send(subscribe(1, `${useless}/test/`))
    await wire.gets(error(1, 401, UNAUTHORIZED), suback(1, 0x80))
    wire.send(publish('emitter/keygen/', `{"key": "${MASTER}", "channel": "test"}`))
    const told = 'channel should end with `/` for strict types or `/#/` for wildcards'
    await wire.gets(publish('emitter/keygen/', JSON.stringify({ status: 400, message: told })))
    const made = await wireKeygen(wire, 'test/', 'rp')
    wire.send(publish('emitter/presence/', `{"key": "${made}", "channel": "test"}`))
    expect(await wire.answer()).toMatch(/"event":"status","channel":"test\/","who":\[\]}$/)
    const guest = await another()
    guest.send(subscribe(1, `${made}/test/`))
    await guest.gets(suback(1))
    expect(await wire.answer()).toMatch(/"event":"subscribe","channel":"test\/","who":{"id":"[A-Z2-7]{26}"}}$/)
  })
})

/** As both ask for it; without `type` as 1.1.0 does. */
async function wireKeygen(wire: Wire, channel: string, type?: string): Promise<string> {
  const more = type === undefined ? '' : `, "type": "${type}", "ttl": 0`
  wire.send(publish('emitter/keygen/', `{"key": "${MASTER}", "channel": "${channel}"${more}}`))
  const answer = await wire.answer()
  const [, made = ''] = /"key":"([\w-]{32})"/.exec(answer) ?? []
  expect(answer).toBe(
    publish('emitter/keygen/', JSON.stringify({ status: 200, key: made, channel })).toString('latin1'),
  )
  return made
}
