/** Which answer is for which question, and what happens without one. */
import { VirtualClock } from '@halyard/testkit'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Deed } from '../src/explain.ts'
import { Requests } from '../src/requests.ts'

const nothing = new Uint8Array(0)
const deed: Deed = { what: 'tell who we are', kind: 'me' }
const me = (id: string, req: number) => ({ kind: 'answer', to: 'me', req, body: { id } }) as const

let clock: VirtualClock
let requests: Requests
/** The topics that went out; their packet identifiers count from 1. */
let asked: string[]
let released: number[]

beforeEach(() => {
  clock = new VirtualClock()
  asked = []
  released = []
  requests = new Requests({
    clock,
    ask: (topic) => asked.push(topic),
    release: (packetId) => released.push(packetId),
  })
})

function ask(options: { signal?: AbortSignal; once?: boolean } = {}): Promise<string> {
  return requests.ask('me', nothing, deed, options).then(
    (answered) => ('body' in answered ? answered.body.id : `${answered.failure.status}`),
    (error: { code: string }) => error.code,
  )
}

describe('an answer', () => {
  it('is for the question whose packet identifier it names', async () => {
    requests.up()
    const both = [ask(), ask()]
    expect(requests.answered(me('second', 2))).toBe(true)
    expect(requests.answered(me('first', 1))).toBe(true)
    expect(await Promise.all(both)).toEqual(['first', 'second'])
  })

  it('is for the oldest question on its topic if the broker names none', async () => {
    requests.up()
    const both = [ask(), ask()]
    expect(requests.answered(me('first', 0))).toBe(true)
    expect(requests.failed('me', 0, { status: 401, message: 'no' })).toBe(true)
    expect(await Promise.all(both)).toEqual(['first', '401'])
  })

  it('is nobody’s without a name, once the broker has named a question in this connection', async () => {
    requests.up()
    const both = [ask(), ask()]
    requests.answered(me('first', 1))
    // Whoever may write to a channel emitter/me/ can send this.
    expect(requests.answered(me('forged', 0))).toBe(false)
    requests.answered(me('second', 2))
    expect(await Promise.all(both)).toEqual(['first', 'second'])
  })

  it('to another request is none, whatever number it has; nor is one that nobody waits for', async () => {
    requests.up()
    const question = ask()
    expect(requests.failed('keygen', 1, { status: 401, message: 'no' })).toBe(false)
    expect(requests.answered(me('late', 7))).toBe(false)
    requests.answered(me('me', 1))
    expect(await question).toBe('me')
    expect(requests.answered(me('twice', 1))).toBe(false)
  })
})

describe('without an answer', () => {
  it('a question ends after 30 s, and says what to check', async () => {
    requests.up()
    const question = requests.ask('me', nothing, deed, {})
    const told = expect(question).rejects.toMatchObject({
      code: 'ERR_EMITTER_TIMEOUT',
      message:
        'the broker did not tell who we are within 30 s; check that host and port are those of an Emitter broker, and that it is not overloaded',
    })
    await clock.advance(30_000)
    await told
    expect(released).toEqual([1])
    expect(requests.answered(me('late', 1))).toBe(false)
  })

  it('it ends 2 s after its acknowledgement: the answer comes before', async () => {
    requests.up()
    const question = requests.ask('me', nothing, deed, {})
    const told = expect(question).rejects.toMatchObject({ code: 'ERR_EMITTER_NO_ANSWER' })
    requests.acknowledged(1)
    await clock.advance(2000)
    await told
  })

  it('the acknowledgement of another does not matter', async () => {
    requests.up()
    const question = ask()
    requests.acknowledged(9)
    await clock.advance(29_999)
    requests.answered(me('at last', 1))
    expect(await question).toBe('at last')
  })
})

describe('questions', () => {
  it('wait for a connection, and are asked in their order', async () => {
    const question = ask()
    expect(asked).toEqual([])
    await clock.advance(3_600_000)
    requests.up()
    expect(asked).toEqual(['emitter/me/'])
    requests.answered(me('me', 1))
    expect(await question).toBe('me')
  })

  it('that nobody waits for any more are not asked', async () => {
    const controller = new AbortController()
    const question = ask({ signal: controller.signal })
    controller.abort()
    expect(await question).toBe('ERR_ABORTED')
    requests.up()
    expect(asked).toEqual([])
  })

  it('wait while 256 are asked', async () => {
    requests.up()
    const all = Array.from({ length: 300 }, () => ask())
    expect(asked.length).toBe(256)
    for (let packetId = 1; packetId <= 300; packetId++) requests.answered(me(`${packetId}`, packetId))
    expect((await Promise.all(all)).at(-1)).toBe('300')
  })

  it('of one connection alone end with it', async () => {
    requests.up()
    const question = ask({ once: true })
    requests.down()
    expect(await question).toBe('ERR_EMITTER_INTERRUPTED')
    requests.up()
    expect(asked.length).toBe(1)
  })

  it('end when the client is closed', async () => {
    const waiting = ask()
    requests.close(Object.assign(new Error('closed'), { code: 'ERR_EMITTER_CLOSED' }))
    expect(await waiting).toBe('ERR_EMITTER_CLOSED')
    expect(clock.pendingTimers).toEqual([])
    // In the turn in which it was closed, behind it.
    expect(await ask()).toBe('ERR_EMITTER_CLOSED')
  })

  it('larger than a packet are refused', async () => {
    await expect(requests.ask('me', new Uint8Array(70_000), deed, {})).rejects.toMatchObject({
      code: 'ERR_EMITTER_TOO_LARGE',
    })
  })
})
