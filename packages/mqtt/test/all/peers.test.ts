/** The same suite against four brokers: what holds with ours holds with theirs. */
import { describe, expect, it } from 'vitest'
import { clientOf, connected, happens, take, texts, until } from '../support/clients.ts'
import { cutEverywhere } from '../support/cuts.ts'
import { BROKERS } from './brokers.ts'

describe.each(BROKERS)('$name', (broker) => {
  const { versions, qos: levels } = broker
  const url = async (): Promise<string> => {
    const { host, port } = await broker.open()
    return `mqtt://${host}:${port}`
  }

  it('the version is found out', async () => {
    const client = await connected(await url())
    expect(client.diagnostics()?.version).toBe(versions.at(-1))
  })

  describe.each(versions.map((version) => ({ version })))('version $version', ({ version }) => {
    it.each(levels)('QoS %s: a thousand messages, in order, once each', async (qos) => {
      const at = await url()
      // Mosquitto 2.0.11 takes 20 of QoS 2 at once, which 3.1.1 has no word for; with more its queue stands still at times.
      const [client, reader] = await Promise.all([connected(at, { version }), connected(at, { version })])
      const subscription = await reader.subscribe('a/#', { qos })
      const sent = Array.from({ length: 1000 }, (_, number) => `${number}`)
      await Promise.all(sent.map((payload) => client.publish('a/b', payload, { qos })))
      expect(await texts(subscription, 1000)).toEqual(sent)
    })

    it('retained messages, wildcards, large payloads', async () => {
      const client = await connected(await url(), { version })
      const large = 'x'.repeat(500_000)
      await client.publish('kept/one', large, { retain: true })
      const subscription = await client.subscribe('kept/+')
      const [message] = await take(subscription, 1)
      expect(message).toMatchObject({ topic: 'kept/one', retain: true })
      expect(message!.text()).toBe(large)
      await client.publish('kept/one', '', { retain: true })
    })

    it('a session goes on: what came meanwhile is there, nothing is subscribed again', async () => {
      const at = await url()
      const options = { version, clientId: 'stays', sessionExpiry: 300 }
      const first = await connected(at, options)
      await first.subscribe('news', { qos: 1 })
      await first.close()
      const sender = await connected(at, { version, clientId: 'sends' })
      await Promise.all(['1', '2', '3'].map((payload) => sender.publish('news', payload)))
      const second = clientOf(at, options)
      const { sessionPresent } = await second.connected()
      expect(sessionPresent).toBe(true)
      expect(await texts(await second.subscribe('news'), 3)).toEqual(['1', '2', '3'])
    })

    it('a will', async () => {
      const at = await url()
      const watcher = await connected(at, { version, clientId: 'watches' })
      const wills = await watcher.subscribe('gone/+')
      const client = await connected(at, { version, will: { topic: 'gone/me', payload: 'bye', qos: 1 } })
      await client.disconnect({ withWill: true })
      expect(await texts(wills, 1)).toEqual(['bye'])
    })

    const shared = it.for(broker.sharedSubscriptions ? [version] : [])
    shared('a shared subscription', async () => {
      const at = await url()
      const members = await Promise.all([connected(at, { version }), connected(at, { version })])
      const groups = await Promise.all(members.map((member) => member.subscribe('$share/g/jobs/#')))
      const sender = await connected(at, { version })
      await Promise.all(Array.from({ length: 20 }, (_, number) => sender.publish(`jobs/${number}`, '')))
      await until('all have come', () => groups.reduce((sum, { held }) => sum + held, 0) === 20)
    })

    const with5 = it.for(version === 5 ? [version] : [])
    with5('properties, questions and answers', async () => {
      const at = await url()
      const [asks, answers] = await Promise.all([connected(at), connected(at)])
      const questions = await answers.subscribe('q/+')
      const answer = asks.request('q/1', 'two and two', { properties: { contentType: 'text/plain' } })
      const [question] = await take(questions, 1)
      expect(question!.properties.contentType).toBe('text/plain')
      await answers.respond(question!, 'four')
      expect((await answer).text()).toBe('four')
    })

    it('a new process does not reuse what the server still holds', async () => {
      const at = await url()
      const options = { version, clientId: 'again', sessionExpiry: 300 }
      const watcher = await connected(at, { version, clientId: 'sees' })
      const seen = await watcher.subscribe('once', { qos: 1 })
      const first = await connected(at, options)
      await first.publish('once', 'first', { qos: levels.at(-1)! })
      const lost = happens(first, 'disconnect')
      await first.disconnect({ withWill: true })
      await lost
      const second = await connected(at, options)
      for (const payload of ['a', 'b', 'c']) await second.publish('once', payload, { qos: levels.at(-1)! })
      expect(await texts(seen, 4)).toEqual(['first', 'a', 'b', 'c'])
    })

    it.each(levels)('QoS %s: cut at every packet', async (qos) => {
      for (const side of ['publisher', 'subscriber'] as const) {
        const { problems } = await cutEverywhere(
          await broker.open(),
          { version, qos, side, pause: broker.pause },
          'packets',
        )
        const known = side === 'subscriber' && broker.flaw !== undefined ? `: ${broker.flaw[0]}: ` : undefined
        expect(problems.filter((problem) => known === undefined || !problem.includes(known))).toEqual([])
      }
    })
  })
})
