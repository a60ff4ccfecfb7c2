/** Every call against a broker that works. test/broker.ts says which; skipped while there is none. */
import { connect } from '@halyard/emitter'
import type { Emitter, PresenceEvent } from '@halyard/emitter'
import { FaultProxy } from '@halyard/testkit'
import { afterAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { openBroker } from './broker.ts'
import { once, take } from './support.ts'

const broker = await openBroker()
afterAll(() => broker?.[Symbol.asyncDispose]())

const { host = '', port = 0, master = '' } = broker ?? {}

function open(username: string, at: { host: string; port: number } = { host, port }): Emitter {
  const emitter = connect({ ...at, secure: false, username }, { random: () => 0 })
  onTestFinished(() => emitter.close())
  return emitter
}

describe.skipIf(broker === undefined)('a broker that works', () => {
  let ann: Emitter
  /** A channel of its own for each test. */
  let at: string
  let key: string
  let tests = 0

  beforeEach(async () => {
    ann = open('ann')
    at = `client${process.pid}/${Date.now()}x${tests++}/`
    key = (await ann.keygen({ key: master, channel: `${at}#/`, type: 'rwslp' })).key
  })

  it('takes what is published, stores it, and sends it to those who subscribe', async () => {
    await ann.publish({ key, channel: `${at}a`, message: 'stored', ttl: 60 })
    await ann.publish({ key, channel: `${at}a`, message: 'passing' })
    const bob = open('bob')
    const messages = await bob.subscribe({ key, channel: at, last: 10 })
    await ann.publish({ key, channel: `${at}b`, message: { live: 1 } })
    expect(await take(messages, 2)).toEqual(['stored', '{"live":1}'])
  })

  it('sends nothing to oneself with me: false, and by a link as to its channel', async () => {
    const messages = await ann.subscribe({ key, channel: at })
    await ann.publish({ key, channel: at, message: 'unheard', me: false })
    await ann.link({ key, channel: `${at}l`, name: 'a0' })
    await ann.publish({ link: 'a0', message: 'by link' })
    expect(await take(messages, 1)).toEqual(['by link'])
    const { id, links } = await ann.me()
    expect(id).not.toBe('')
    expect(links).toEqual({ a0: `${at}l/` })
  })

  it('tells who is there, who comes and who goes', async () => {
    const events: PresenceEvent[] = []
    const gone = new Promise<void>((resolve) => {
      ann.on('presence', (event) => {
        events.push(event)
        if (event.event === 'unsubscribe') resolve()
      })
    })
    expect((await ann.presence({ key, channel: at })).who).toEqual([])
    const bob = open('bob')
    const subscription = await bob.subscribe({ key, channel: at })
    const { who } = await ann.presence({ key, channel: at })
    expect(who).toEqual([{ id: (await bob.me()).id, username: 'bob' }])
    await subscription.unsubscribe()
    await gone
    const changes = events.filter(({ event }) => event !== 'status')
    expect(changes.map(({ event, who: one }) => [event, (one as { username?: string }).username])).toEqual([
      ['subscribe', 'bob'],
      ['unsubscribe', 'bob'],
    ])
  })

  it('refuses what the key does not allow: 401 to each call', async () => {
    const refused = { code: 'ERR_EMITTER_UNAUTHORIZED', status: 401 }
    await expect(ann.publish({ key, channel: 'other', message: 'x' })).rejects.toMatchObject(refused)
    await expect(ann.subscribe({ key, channel: 'other' })).rejects.toMatchObject(refused)
    await expect(ann.presence({ key, channel: 'other' })).rejects.toMatchObject(refused)
    await expect(ann.keygen({ key, channel: at })).rejects.toMatchObject(refused)
    await expect(ann.history({ key, channel: 'other' })[Symbol.asyncIterator]().next()).rejects.toMatchObject(refused)
    await expect(ann.publish({ link: 'zz', message: 'x' })).rejects.toMatchObject({ status: 400 })
  })

  it('gives its history page by page, the newest page first', async () => {
    for (let n = 0; n < 120; n++) await ann.publish({ key, channel: at, message: `${n}`, ttl: 60 })
    const all: string[] = []
    for await (const message of ann.history({ key, channel: at })) all.push(message.asString())
    expect(new Set(all).size).toBe(120)
    const newest: string[] = []
    for await (const message of ann.history({ key, channel: at, last: 2 })) newest.push(message.asString())
    expect(newest.toSorted()).toEqual(['118', '119'])
  })

  it('hands one message to one member of a group', async () => {
    const { key: groupKey } = await ann.keygen({ key: master, channel: `$share/g/${at}`, type: 'r' })
    const bob = open('bob')
    const members = await Promise.all(
      [ann, bob].map((member) => member.subscribe({ key: groupKey, channel: at, group: 'g' })),
    )
    const got: string[] = []
    const done = Promise.all(
      members.map(async (messages) => {
        for await (const message of messages) {
          got.push(message.asString())
          if (got.length === 20) await Promise.all(members.map((member) => member.unsubscribe().catch(() => {})))
        }
      }),
    )
    for (let n = 0; n < 20; n++) await ann.publish({ key, channel: at, message: `${n}` })
    await done
    expect(got.map(Number).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n))
  })

  it('bans a key, and takes the ban back', async () => {
    const { key: victim } = await ann.keygen({ key: master, channel: at, type: 'w' })
    expect(await ann.keyban({ secret: master, target: victim, banned: true })).toEqual({ status: 200, banned: true })
    await expect(ann.publish({ key: victim, channel: at, message: 'x' })).rejects.toMatchObject({ status: 401 })
    expect(await ann.keyban({ secret: master, target: victim, banned: false })).toEqual({ status: 200, banned: false })
  })

  it('sends after a reconnection what it stored meanwhile, and nothing twice', async () => {
    await using proxy = await FaultProxy.open({ target: { host, port } })
    const bob = open('bob', { host: proxy.host, port: proxy.port })
    await ann.publish({ key, channel: at, message: 'before', ttl: 60 })
    const messages = await bob.subscribe({ key, channel: at, last: 5 })
    await ann.publish({ key, channel: at, message: 'live', ttl: 60 })
    expect(await take(messages, 2)).toEqual(['before', 'live'])
    const gone = once(bob, 'disconnect')
    const again = once(bob, 'connect')
    proxy.link.down('reset')
    await gone
    await ann.publish({ key, channel: at, message: 'meanwhile', ttl: 60 })
    await proxy.link.up()
    await again
    await ann.publish({ key, channel: at, message: 'after', ttl: 60 })
    expect(await take(messages, 2)).toEqual(['meanwhile', 'after'])
  })
})
