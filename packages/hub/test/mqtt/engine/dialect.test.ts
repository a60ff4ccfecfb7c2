import type {
  DialectConnection,
  DialectRequest,
  Login,
  Principal,
  PublishPlan,
  SubscribePlan,
  Verdict,
} from '../../../src/mqtt/dialect.ts'
import { describe, expect, it } from 'vitest'
import { OpenDialect, Stage } from '../stage.ts'
import { message, payloads, subscribe } from './support.ts'

/** Dialects that are late or broken, or change their mind. */

/** One that is asked things it does not answer well. */
class BadDialect extends OpenDialect {
  readonly requests: DialectRequest[] = []
  readonly connections: DialectConnection[] = []
  answer: (login: Login) => Verdict | Promise<Verdict> = () => ({ accepted: true, principal: this.principal() })
  isBroken = false
  refused = ''

  override subscribe(...[principal, filter, options]: Parameters<OpenDialect['subscribe']>): SubscribePlan {
    if (filter === this.refused) return { kind: 'refuse', reason: 0x87, why: 'it may not' }
    return super.subscribe(principal, filter, options)
  }
  override authenticate(login: Login): Verdict | Promise<Verdict> {
    return this.answer(login)
  }
  override plan(principal: Principal, topic: string): PublishPlan {
    if (topic === 'request') return { kind: 'request', handle: (request) => this.requests.push(request) }
    if (topic === 'broken') throw new Error('a fault of plan')
    return super.plan(principal, topic)
  }
  override unsubscribe(principal: Principal, filter: string): ReturnType<OpenDialect['unsubscribe']> {
    if (this.isBroken) throw new Error('a fault of unsubscribe')
    return super.unsubscribe(principal, filter)
  }
  connected(connection: DialectConnection): void {
    this.connections.push(connection)
  }
  disconnected(): void {
    if (this.isBroken) throw new Error('a fault of disconnected')
  }
}

describe('a dialect', () => {
  it('that answers late keeps what follows CONNECT', async () => {
    const dialect = new BadDialect()
    let answer: (verdict: Verdict) => void = () => {}
    dialect.answer = () => new Promise((resolve) => (answer = resolve))
    const stage = new Stage({}, dialect)
    const client = stage.open(4)
    const wish = { filter: 'a', qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const
    client.send(
      { type: 'connect', version: 4, clientId: 'a', cleanStart: true, keepAlive: 0 },
      { type: 'subscribe', packetId: 1, subscriptions: [wish] },
      message('a', 'hello'),
    )
    await stage.settle()
    expect([client.transport.isPaused, client.take()]).toEqual([true, []])
    answer({ accepted: true, principal: dialect.principal() })
    await stage.settle()
    expect(client.transport.isPaused).toBe(false)
    expect(client.take().map(({ type }) => type)).toEqual(['connack', 'suback', 'publish'])
  })

  it('that never answers has ten seconds, and the client is told', async () => {
    const dialect = new BadDialect()
    let answer: (verdict: Verdict) => void = () => {}
    dialect.answer = () => new Promise((resolve) => (answer = resolve))
    const stage = new Stage({}, dialect)
    const [modern, old] = [await stage.connect('modern'), await stage.connect('old', { version: 4 })]
    await stage.clock.advance(9000)
    expect([modern.isOver, old.isOver]).toEqual([false, false])
    await stage.clock.advance(1000)
    expect([modern.take(), old.take()]).toMatchObject([
      [{ type: 'connack', reasonCode: 0x88 }],
      [{ type: 'connack', reasonCode: 3 }],
    ])
    answer({ accepted: true, principal: dialect.principal() })
    await stage.settle()
    expect([modern.isOver, old.isOver, stage.server.connections]).toEqual([true, true, 0])
    expect([stage.server.broker.sessions.size, dialect.connections]).toEqual([0, []])
  })

  it('may answer when the peer has gone', async () => {
    const dialect = new BadDialect()
    let answer: (verdict: Verdict) => void = () => {}
    dialect.answer = () => new Promise((resolve) => (answer = resolve))
    const stage = new Stage({}, dialect)
    const client = await stage.connect('a')
    client.transport.close(true)
    answer({ accepted: true, principal: dialect.principal() })
    await stage.settle()
    const { broker } = stage.server
    expect([stage.server.connections, broker.sessions.size, broker.counters.connections]).toEqual([0, 0, 0])
    expect(dialect.connections).toEqual([])
  })

  it('that fails to authenticate refuses', async () => {
    const dialect = new BadDialect()
    const stage = new Stage({}, dialect)
    dialect.answer = () => Promise.reject(new Error('no disk'))
    const late = await stage.connect('late')
    dialect.answer = () => {
      throw new Error('no disk')
    }
    const early = await stage.connect('early', { version: 4 })
    expect([late.take(), early.take()]).toMatchObject([
      [{ type: 'connack', reasonCode: 0x88 }],
      [{ type: 'connack', reasonCode: 3 }],
    ])
    expect([late.isOver, early.isOver, stage.server.connections]).toEqual([true, true, 0])
    expect(stage.logger.errors).toHaveLength(2)
  })

  it('takes back what a session may not have any more when it is there again', async () => {
    const dialect = new BadDialect()
    const stage = new Stage({}, dialect)
    const properties = { sessionExpiryInterval: 60 }
    const client = await stage.connect('a', { properties })
    client.take()
    await subscribe(stage, client, 'secret')
    await subscribe(stage, client, 'open')
    client.transport.close(false)
    dialect.refused = 'secret'
    const again = await stage.connect('a', { cleanStart: false, properties })
    again.take()
    again.send(message('secret', 'x'), message('open', 'y'))
    await stage.settle()
    expect(payloads(again.take())).toEqual(['y'])
  })

  it('may give a subscription for a time', async () => {
    class Timed extends OpenDialect {
      until = 5000
      override subscribe(...wish: Parameters<OpenDialect['subscribe']>): SubscribePlan {
        return { ...super.subscribe(...wish), validUntil: this.until } as SubscribePlan
      }
    }
    const dialect = new Timed()
    const stage = new Stage({}, dialect)
    const client = await stage.connect('a')
    client.take()
    await subscribe(stage, client, 'short')
    await subscribe(stage, client, 'renewed')
    dialect.until = 60_000
    await subscribe(stage, client, 'renewed')
    for (const wanted of [['short', 'renewed'], ['renewed']]) {
      client.send(message('short', 'short'), message('renewed', 'renewed'))
      await stage.settle()
      expect(payloads(client.take())).toEqual(wanted)
      await stage.clock.advance(5000)
    }
  })

  it('that throws ends the connection concerned, and nothing else', async () => {
    const dialect = new BadDialect()
    const stage = new Stage({}, dialect)
    const other = await stage.connect('other')
    const will = { topic: 'broken', payload: new Uint8Array(0), qos: 0, retain: false } as const
    const client = await stage.connect('a', { will })
    other.take()
    client.take()
    await subscribe(stage, client, 'a')
    dialect.isBroken = true
    client.send(message('broken', 'x', 1))
    await stage.settle()
    expect(client.take()).toEqual([{ type: 'disconnect', reasonCode: 0x80 }])
    other.send({ type: 'pingreq' })
    await stage.settle()
    expect(other.take()).toEqual([{ type: 'pingresp' }])
    expect(stage.server.broker.sessions.size).toBe(1)
    expect(stage.logger.errors.join('\n')).toMatch(/plan[\s\S]*unsubscribe[\s\S]*disconnected[\s\S]*plan/)
  })

  it('acknowledges a request once, and not when its connection has gone', async () => {
    const dialect = new BadDialect()
    const stage = new Stage({}, dialect)
    const client = await stage.connect('a')
    client.take()
    client.send(message('request', 'x', 1, { packetId: 7 }), message('request', 'y', 2, { packetId: 8 }))
    await stage.settle()
    expect(client.take()).toEqual([])
    const [first, second] = dialect.requests
    first?.done()
    first?.done()
    await stage.settle()
    expect(client.take()).toMatchObject([{ type: 'puback', packetId: 7 }])
    client.transport.close(true)
    second?.done()
    dialect.connections[0]?.send('a', new Uint8Array(1))
    dialect.connections[0]?.close(0, 'again')
    await stage.settle()
    expect(stage.server.connections).toBe(0)
  })
})
