import { describe, expect, it } from 'vitest'
import type { Clock } from '@halyard/core'
import { exchange } from '../src/exchange.ts'
import type { ExchangeRequest } from '../src/exchange.ts'
import type { ConnectionEvents, Connector } from '../src/connector.ts'

/** A clock that goes when it is told to. */
function handClock(): Clock & { advance(milliseconds: number): void; readonly timers: number } {
  let now = 0
  const timers = new Map<object, { at: number; callback: () => void }>()
  return {
    now: () => now,
    monotonic: () => now,
    bootId: 'test',
    setTimer(milliseconds, callback) {
      const key = {}
      timers.set(key, { at: now + milliseconds, callback })
      return { cancel: () => void timers.delete(key) }
    },
    advance(milliseconds) {
      now += milliseconds
      for (const [key, { at, callback }] of timers) {
        if (at > now) continue
        timers.delete(key)
        callback()
      }
    },
    get timers() {
      return timers.size
    },
  }
}

interface Stage {
  readonly clock: ReturnType<typeof handClock>
  readonly result: ReturnType<typeof exchange>
  readonly writes: Uint8Array[]
  readonly events: () => ConnectionEvents
  readonly destroyed: () => number
}

function begin(changes: Partial<ExchangeRequest> = {}, signal?: AbortSignal): Stage {
  const clock = handClock()
  const writes: Uint8Array[] = []
  let events: ConnectionEvents | undefined
  let destroyed = 0
  const connector: Connector = {
    connect(_endpoint, given) {
      events = given
      return { write: (bytes) => void writes.push(bytes.slice()), destroy: () => void destroyed++ }
    },
  }
  const request: ExchangeRequest = {
    endpoint: { host: 'h', port: 1 },
    bytes: new TextEncoder().encode('hello'),
    timeout: 5000,
    maxResponse: 10,
    isComplete: (response) => response.at(-1) === 0x5d,
    ...changes,
  }
  const result = exchange(request, connector, clock, { signal })
  const told = (): ConnectionEvents => {
    if (!events) throw new Error('nobody connected')
    return events
  }
  return { clock, result, writes, events: told, destroyed: () => destroyed }
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (data: Uint8Array): string => new TextDecoder().decode(data)

describe('an exchange', () => {
  it('ends with the complete reply, destroys its connection once and leaves no timer', async () => {
    const { result, events, clock, destroyed } = begin()
    events().opened()
    events().written()
    events().received(bytes('[0,'))
    events().received(bytes('0]'))
    events().ended()
    events().failed(new Error('late'))
    expect(await result).toMatchObject({ written: true, end: 'complete' })
    expect(text((await result).response)).toBe('[0,0]')
    expect([destroyed(), clock.timers]).toEqual([1, 0])
  })

  it('does not keep the memory of the connection', async () => {
    const { result, events } = begin()
    const memory = bytes('[0')
    events().received(memory)
    memory.fill(0)
    events().ended()
    expect(text((await result).response)).toBe('[0')
  })

  it('gives the connection its time, and says so when it was too long', async () => {
    const { result, clock } = begin()
    clock.advance(5000)
    expect(await result).toMatchObject({ written: false, end: 'silence', problem: 'no connection within 5 s' })
  })

  it('counts silence from the last thing that happened', async () => {
    const { result, events, clock } = begin()
    clock.advance(4000)
    events().opened()
    clock.advance(4000)
    events().written()
    clock.advance(4000)
    events().received(bytes('x'))
    clock.advance(4000)
    events().received(bytes('y'))
    clock.advance(5000)
    expect(await result).toMatchObject({ written: true, end: 'silence', problem: 'no answer within 5 s' })
    expect(text((await result).response)).toBe('xy')
  })

  it('gives an answer that is to come at once no more time for each of its pieces', async () => {
    const { result, events, clock } = begin({ answersAtOnce: true })
    events().opened()
    events().written()
    for (let piece = 0; piece < 4; piece++) {
      clock.advance(1000)
      events().received(bytes(' '))
    }
    clock.advance(1000)
    expect(await result).toMatchObject({ written: true, end: 'silence', problem: 'no answer within 5 s' })
  })

  it('writes a long request in parts, each of which is progress', async () => {
    const long = new Uint8Array(40_000).map((_, index) => index)
    const { result, events, writes, clock } = begin({ bytes: long })
    events().opened()
    for (let part = 0; part < 3; part++) {
      clock.advance(4000)
      expect(writes).toHaveLength(part + 1)
      events().written()
    }
    events().ended()
    expect((await result).written).toBe(true)
    expect(Buffer.concat(writes).equals(long)).toBe(true)
  })

  it('that was cut in the middle of a long request was not written', async () => {
    const { result, events } = begin({ bytes: new Uint8Array(40_000) })
    events().opened()
    events().written()
    events().failed(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }))
    expect(await result).toMatchObject({ written: false, end: 'failed', problem: 'read ECONNRESET' })
  })

  it('ends when the answer is full', async () => {
    const { result, events } = begin()
    events().received(bytes('x'.repeat(25)))
    expect(await result).toMatchObject({ end: 'full', problem: 'the answer has more than 10 bytes' })
    expect((await result).response).toHaveLength(10)
  })

  it('ends with its signal, which is not asked for in a short one', async () => {
    const controller = new AbortController()
    const { result, clock, destroyed } = begin({}, controller.signal)
    controller.abort()
    expect(destroyed()).toBe(0)
    clock.advance(250)
    expect(await result).toMatchObject({ end: 'aborted', problem: 'the sending was ended' })
    expect([destroyed(), clock.timers]).toEqual([1, 0])

    const late = new AbortController()
    const long = begin({}, late.signal)
    long.clock.advance(250)
    late.abort()
    expect(await long.result).toMatchObject({ end: 'aborted', written: false })
    expect([long.destroyed(), long.clock.timers]).toEqual([1, 0])
  })

  it('is a failure when the connector throws', async () => {
    const connector: Connector = {
      connect() {
        throw new Error('no modem')
      },
    }
    const request = { endpoint: { host: 'h', port: 1 }, bytes: bytes('x'), timeout: 1, maxResponse: 1 }
    const result = await exchange({ ...request, isComplete: () => false }, connector, handClock())
    expect(result).toMatchObject({ written: false, end: 'failed', problem: 'no modem' })
  })

  it('of nothing is written as soon as it is connected', async () => {
    const { result, events, writes } = begin({ bytes: new Uint8Array() })
    events().opened()
    events().ended()
    expect(await result).toMatchObject({ written: true, end: 'closed' })
    expect(writes).toEqual([])
  })
})
