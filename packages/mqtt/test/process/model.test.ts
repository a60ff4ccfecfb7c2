/**
 * Random lives of a publisher, a reader and a hub on a disk, beside a naive model of them: lists of what was published.
 * Connections are cut, the publisher and the hub end and begin anew in the middle of everything, and the reader, a process
 * of its own with a session and an outbox, is killed.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHub } from '@halyard/hub'
import type { Hub } from '@halyard/hub'
import { FaultProxy } from '@halyard/testkit'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { MqttClient } from '../../src/index.ts'
import type { MqttOptions } from '../../src/index.ts'
import { until } from '../support/clients.ts'
import { KilledReader, Watcher } from '../support/killed-reader.ts'

const runs = Number(process.env['MQTT_CLIENT_MODEL_RUNS'] ?? '3')
/** A run that is long takes its time. */
const PATIENCE = 60_000 + runs * 10_000

/** The last segment is the QoS with which it is published; what is below `one` comes with QoS 1 at most. */
const TOPICS = ['m/a/0', 'm/a/1', 'm/b/1', 'm/a/2', 'm/b/2', 'one/a/2'] as const
type Topic = (typeof TOPICS)[number]

const qosOf = (topic: string): 0 | 1 | 2 => Number(topic.at(-1)) as 0 | 1 | 2

type Deed = 'cut publisher' | 'cut reader' | 'restart publisher' | 'restart hub' | 'settle'
type Step =
  | { readonly do: 'publish'; readonly topic: Topic; readonly count: number }
  /** in the middle of its work: so many messages later, if they come soon */
  | { readonly do: 'kill reader'; readonly after: number }
  | { readonly do: Deed }

const publish = fc.record({
  do: fc.constant('publish' as const),
  topic: fc.constantFrom(...TOPICS),
  count: fc.integer({ min: 1, max: 20 }),
})
const kill = fc.record({ do: fc.constant('kill reader' as const), after: fc.nat(8) })
const other = (name: Deed): fc.Arbitrary<Step> => fc.constant({ do: name })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: publish },
  { weight: 2, arbitrary: other('cut publisher') },
  { weight: 2, arbitrary: other('cut reader') },
  { weight: 2, arbitrary: kill },
  { weight: 1, arbitrary: other('restart publisher') },
  { weight: 1, arbitrary: other('restart hub') },
  { weight: 1, arbitrary: other('settle') },
)

/** Everything of one life. */
class World implements AsyncDisposable {
  readonly #directory: string
  readonly #version: 4 | 5
  #hub: Hub
  readonly #port: number
  /** One for each client. */
  readonly #cables: readonly [publisher: FaultProxy, reader: FaultProxy]
  #publisher: MqttClient
  readonly reader: KilledReader
  readonly watcher: Watcher
  /** Hears what the reader has made of each message. */
  readonly #observer: MqttClient
  readonly seen: string[] = []
  /** payloads by topic, in the order in which they were published */
  readonly published = new Map<Topic, string[]>(TOPICS.map((topic) => [topic, []]))
  #count = 0

  private constructor(
    directory: string,
    version: 4 | 5,
    hub: Hub,
    cables: readonly [FaultProxy, FaultProxy],
    watcher: Watcher,
  ) {
    this.#directory = directory
    this.#version = version
    this.#hub = hub
    this.#port = hub.ports.mqtt ?? 0
    this.#cables = cables
    this.watcher = watcher
    this.#publisher = this.#newPublisher()
    const more = { topicAliases: false, outbox: { path: join(directory, 'reader') } }
    this.reader = new KilledReader(`mqtt://127.0.0.1:${cables[1].port}`, this.#options('reader', more))
    this.#observer = this.#client('observer', this.#port)
  }

  static async begin(version: 4 | 5): Promise<World> {
    const directory = await mkdtemp(join(tmpdir(), 'halyard-model-'))
    const hub = await createHub({ data: join(directory, 'hub'), ports: 'ephemeral' })
    const target = { port: hub.ports.mqtt ?? 0 }
    const watcher = new Watcher(version)
    const cables = await Promise.all([
      FaultProxy.open({ target }),
      FaultProxy.open({ target, onPassed: watcher.passed }),
    ])
    const world = new World(directory, version, hub, cables, watcher)
    const onMessage = ({ payload }: { payload: Uint8Array }): unknown =>
      world.seen.push(new TextDecoder().decode(payload))
    await Promise.all([world.#observer.subscribe('seen', { qos: 2, onMessage }), world.reader.start()])
    return world
  }

  async run(script: readonly Step[]): Promise<void> {
    for (const each of script) await this.#take(each)
    await this.#settle()
    await until('all that was owed is handled', () => this.#owed().every((text) => this.reader.handled.has(text)))
    await until('and told', () => this.#owed().every((text) => this.seen.includes(text)))
  }

  #owed(): string[] {
    return [...this.published].flatMap(([topic, texts]) => (qosOf(topic) === 0 ? [] : texts))
  }

  async #take(each: Step): Promise<void> {
    switch (each.do) {
      case 'publish':
        for (let count = 0; count < each.count; count++) this.#publish(each.topic)
        return
      case 'cut publisher':
        return this.#cables[0].reset()
      case 'cut reader':
        return this.#cables[1].reset()
      case 'kill reader':
        await this.reader.hears(each.after, 30)
        await this.reader.kill()
        // Things happen while it begins.
        void this.reader.start()
        return
      case 'restart publisher':
        await this.#publisher.close()
        this.#publisher = this.#newPublisher()
        return
      case 'restart hub':
        await this.#hub.close()
        this.#hub = await createHub({
          data: join(this.#directory, 'hub'),
          ports: { mqtt: this.#port, front: 0, hologram: 0 },
        })
        return
      case 'settle':
      default:
        return this.#settle()
    }
  }

  #publish(topic: Topic): void {
    const payload = String(this.#count++)
    this.published.get(topic)?.push(payload)
    // What it resolves with is not waited for: things happen while it is on its way.
    this.#publisher.publish(topic, payload, { qos: qosOf(topic) }).catch(() => {})
  }

  async #settle(): Promise<void> {
    await (await this.#publisher.outbox).idle()
  }

  #newPublisher(): MqttClient {
    return this.#client('publisher', this.#cables[0].port, { outbox: { path: join(this.#directory, 'outbox') } })
  }

  #client(clientId: string, port: number, more: MqttOptions = {}): MqttClient {
    return new MqttClient(`mqtt://127.0.0.1:${port}`, this.#options(clientId, more))
  }

  #options(clientId: string, more: MqttOptions): MqttOptions {
    const { username = '', password = '' } = this.#hub.accounts.mqtt ?? {}
    const session = { version: this.#version, clientId, clean: false, sessionExpiry: 3600 }
    return { ...session, username, password, reconnect: { base: 0.005, cap: 0.02 }, ...more }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#publisher.close(), this.reader.kill(), this.#observer.close()])
    await Promise.all(this.#cables.map((cable) => cable.close()))
    await this.#hub.close()
    await rm(this.#directory, { recursive: true, force: true })
  }
}

it(
  'whatever is cut, killed and ends in between: QoS 1 and 2 arrive in order, again only as permitted, QoS 0 is invented by nobody',
  async () => {
    let [kills, repeated] = [0, 0]
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(4 as const, 5 as const),
        fc.array(step, { minLength: 5, maxLength: 40 }),
        async (version, script) => {
          await using world = await World.begin(version)
          await world.run(script)
          const { published, reader, watcher, seen } = world
          expect(reader.complaints()).toEqual([])
          expect(watcher.complaints).toEqual([])
          for (const [topic, texts] of published) {
            const came = reader.got.filter((one) => one.topic === topic).map(({ text }) => text)
            if (qosOf(topic) > 0) expect([...new Set(came)], topic).toEqual(texts)
            else expect(texts, topic).toEqual(expect.arrayContaining(came))
            repeated += came.length - new Set(came).size
          }
          // However often the handler ran, what it made of a message is there once: the outbox knows its id.
          expect(seen.toSorted()).toEqual([...new Set(seen)].toSorted())
          kills += script.filter((each) => each.do === 'kill reader').length
        },
      ),
      { numRuns: runs, endOnFailure: true },
    )
    if (runs > 3)
      console.log(`random lives: ${runs}, the reader killed ${kills} times, ${repeated} messages came again`)
  },
  PATIENCE,
)
