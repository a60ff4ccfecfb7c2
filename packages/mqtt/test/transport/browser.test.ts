import { describe, expect, it } from 'vitest'
import { browserDial } from '../../src/browser/dial.ts'
import type { PageWebSocket, PageWebSocketClass } from '../../src/browser/dial.ts'
import { HELD_LIMIT } from '../../src/line.ts'
import { Caller, PLAIN, at } from './support.ts'

/** What a page has, moved by hand: what it does when the browser refuses cannot be made with a server. */
class HandWebSocket implements PageWebSocket {
  binaryType = 'blob'
  bufferedAmount = 0
  protocol = 'mqtt'
  readonly #listeners = new Map<string, (event: never) => void>()
  addEventListener(type: string, listener: (event: never) => void): void {
    this.#listeners.set(type, listener)
  }
  tell(type: 'open' | 'message' | 'error' | 'close', event: object = {}): void {
    this.#listeners.get(type)?.(event as never)
  }
  send(): void {}
  close(): void {}
}

function called(hand: HandWebSocket): Caller {
  const HandClass = function HandClass() {
    return hand
  } as unknown as PageWebSocketClass
  return new Caller(at('ws', 80), PLAIN, browserDial(HandClass))
}

function refusing(error: Error): PageWebSocketClass {
  return function Refusing() {
    throw error
  } as unknown as PageWebSocketClass
}

describe('in a page', () => {
  it.each(['mqtt', 'mqtts'] as const)('%s:// cannot be', async (scheme) => {
    const caller = new Caller(at(scheme, 1883), PLAIN, browserDial())
    expect(caller.told).toEqual([])
    expect(await caller.end()).toBe(
      `ERR_MQTT_TRANSPORT: a page cannot open TCP, which ${scheme}:// is; use ws:// or wss://`,
    )
  })

  it('without a WebSocket there is no way', async () => {
    const before = Object.getOwnPropertyDescriptor(globalThis, 'WebSocket')
    Object.defineProperty(globalThis, 'WebSocket', { value: undefined, configurable: true })
    try {
      const caller = new Caller(at('ws', 80), PLAIN, browserDial())
      expect(await caller.end()).toBe('ERR_MQTT_TRANSPORT: there is no WebSocket here: MQTT needs one to leave a page')
    } finally {
      if (before === undefined) delete (globalThis as { WebSocket?: unknown }).WebSocket
      else Object.defineProperty(globalThis, 'WebSocket', before)
    }
  })

  it('says what a page may not do, and what is wrong with an address', async () => {
    const mixed = Object.assign(new Error('mixed content'), { name: 'SecurityError' })
    expect(await new Caller(at('ws', 80), PLAIN, browserDial(refusing(mixed))).end()).toBe(
      'ERR_MQTT_TRANSPORT: the browser does not open ws://127.0.0.1:80/mqtt: ' +
        'a page that came by https:// may open wss:// alone',
    )
    const syntax = new SyntaxError('bad')
    const caller = new Caller(at('ws', 80), PLAIN, browserDial(refusing(syntax)))
    expect(await caller.end()).toContain('the address, or a sub-protocol, is none that a WebSocket takes')
    expect(caller.error?.cause).toBe(syntax)
  })

  it('says what can be known when nothing opens', async () => {
    const hand = new HandWebSocket()
    const caller = called(hand)
    hand.tell('error')
    hand.tell('close', { code: 1006, reason: '' })
    expect(await caller.end()).toBe(
      'ERR_MQTT_UNREACHABLE: no WebSocket to ws://127.0.0.1:80/mqtt: ' +
        'nothing answers there, it is no WebSocket, or its certificate is not trusted; ' +
        'a page is told no more, the console of its browser says which',
    )
  })

  it('wants one of its sub-protocols', async () => {
    const hand = new HandWebSocket()
    hand.protocol = ''
    const caller = called(hand)
    hand.tell('open')
    expect(await caller.end()).toBe(
      'ERR_MQTT_WEBSOCKET: ws://127.0.0.1:80/mqtt accepts none of the sub-protocols mqtt: ' +
        'the path may belong to another service',
    )
  })

  it('holds 16 MiB for who does not read, and no more', async () => {
    const hand = new HandWebSocket()
    const caller = called(hand)
    hand.tell('open')
    caller.transport.pause()
    const data = new ArrayBuffer(2 ** 20)
    for (let count = 0; count < HELD_LIMIT / 2 ** 20 - 1; count++) hand.tell('message', { data })
    expect(caller.told).toEqual(['opened'])
    hand.tell('message', { data })
    expect(await caller.end()).toBe(
      'ERR_MQTT_SLOW_READER: more than 16 MiB came while nothing was read: read faster, or subscribe to less',
    )
    expect(caller.receivedBytes).toBe(0)
  })

  it('counts what small messages cost', () => {
    const hand = new HandWebSocket()
    const caller = called(hand)
    hand.tell('open')
    caller.transport.pause()
    let count = 0
    for (const data = new ArrayBuffer(1); caller.error === undefined; count++) hand.tell('message', { data })
    expect(count).toBeLessThan(HELD_LIMIT / 100)
  })

  it('looks whether its bytes have gone, as long as they have not', async () => {
    const hand = new HandWebSocket()
    const caller = called(hand)
    hand.tell('open')
    expect(hand.binaryType).toBe('arraybuffer')
    hand.bufferedAmount = 2 ** 17
    expect(caller.transport.write(new Uint8Array(1))).toBe(false)
    expect(caller.transport.waiting).toBe(2 ** 17)
    hand.bufferedAmount = 0
    await caller.until(() => caller.told.includes('drained'))
    expect(caller.transport.write(new Uint8Array(1))).toBe(true)
  })
})
