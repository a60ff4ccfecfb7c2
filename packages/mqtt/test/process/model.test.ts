/**
 * Random lives of a publisher, a reader and a hub on a disk, beside a naive model of them: lists of what was published.
 * Connections are cut, the publisher and the hub end and begin anew in the middle of everything.
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

const runs = Number(process.env['MQTT_CLIENT_MODEL_RUNS'] ?? '3')
/** A run that is long takes its time. */
const PATIENCE = 60_000 + runs * 10_000

const TOPICS = ['m/a', 'm/b', 'm/c'] as const

type Step =
  | { readonly do: 'publish'; readonly topic: (typeof TOPICS)[number]; readonly qos: 0 | 1 | 2 }
  | { readonly do: 'cut publisher' | 'cut reader' | 'restart publisher' | 'restart hub' | 'settle' }

const publish = fc.record({
  do: fc.constant('publish' as const),
  topic: fc.constantFrom(...TOPICS),
  qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
})
const other = (name: Exclude<Step['do'], 'publish'>): fc.Arbitrary<Step> => fc.constant({ do: name })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: publish },
  { weight: 2, arbitrary: other('cut publisher') },
  { weight: 2, arbitrary: other('cut reader') },
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
  readonly #reader: MqttClient
  /** payloads by topic and QoS, in the order in which they were published, and came */
  readonly published = new Map<string, string[]>()
  readonly came = new Map<string, string[]>()
  #count = 0

  private constructor(directory: string, version: 4 | 5, hub: Hub, cables: readonly [FaultProxy, FaultProxy]) {
    this.#directory = directory
    this.#version = version
    this.#hub = hub
    this.#port = hub.ports.mqtt ?? 0
    this.#cables = cables
    this.#publisher = this.#newPublisher()
    this.#reader = this.#client('reader', cables[1])
  }

  static async begin(version: 4 | 5): Promise<World> {
    const directory = await mkdtemp(join(tmpdir(), 'halyard-model-'))
    const hub = await createHub({ data: join(directory, 'hub'), ports: 'ephemeral' })
    const target = { port: hub.ports.mqtt ?? 0 }
    const cables = await Promise.all([FaultProxy.open({ target }), FaultProxy.open({ target })])
    const world = new World(directory, version, hub, cables)
    await world.#reader.subscribe('m/+', {
      qos: 2,
      onMessage: ({ topic, qos, payload }) =>
        void listOf(world.came, topic, qos).push(new TextDecoder().decode(payload)),
    })
    return world
  }

  async run(script: readonly Step[]): Promise<void> {
    for (const each of script) await this.#take(each)
    await this.#settle()
    const owed = [...this.published].filter(([name]) => !name.endsWith(' 0'))
    await until('all that was owed', () =>
      owed.every(([name, sent]) => sent.every((payload) => this.came.get(name)?.includes(payload))),
    )
  }

  async #take(each: Step): Promise<void> {
    switch (each.do) {
      case 'publish': {
        const payload = String(this.#count++)
        listOf(this.published, each.topic, each.qos).push(payload)
        // What it resolves with is not waited for: things happen while it is on its way.
        this.#publisher.publish(each.topic, payload, { qos: each.qos }).catch(() => {})
        return
      }
      case 'cut publisher':
        return this.#cables[0].reset()
      case 'cut reader':
        return this.#cables[1].reset()
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

  async #settle(): Promise<void> {
    await (await this.#publisher.outbox).idle()
  }

  #newPublisher(): MqttClient {
    return this.#client('publisher', this.#cables[0], { outbox: { path: join(this.#directory, 'outbox') } })
  }

  #client(clientId: string, { port }: FaultProxy, more: MqttOptions = {}): MqttClient {
    const { username = '', password = '' } = this.#hub.accounts.mqtt ?? {}
    const session = { version: this.#version, clientId, clean: false, sessionExpiry: 3600 }
    const reconnect = { base: 0.005, cap: 0.02 }
    return new MqttClient(`mqtt://127.0.0.1:${port}`, { ...session, username, password, reconnect, ...more })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#publisher.close(), this.#reader.close()])
    await Promise.all(this.#cables.map((cable) => cable.close()))
    await this.#hub.close()
    await rm(this.#directory, { recursive: true, force: true })
  }
}

function listOf(lists: Map<string, string[]>, topic: string, qos: number): string[] {
  const name = `${topic} ${qos}`
  const known = lists.get(name)
  if (known !== undefined) return known
  const list: string[] = []
  lists.set(name, list)
  return list
}

it(
  'whatever is cut and ends in between: QoS 1 and 2 arrive in order, QoS 2 once, QoS 0 is invented by nobody',
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(4 as const, 5 as const),
        fc.array(step, { minLength: 5, maxLength: 40 }),
        async (version, script) => {
          await using world = await World.begin(version)
          await world.run(script)
          for (const [name, came] of world.came) {
            const published = world.published.get(name) ?? []
            if (name.endsWith(' 2')) expect(came, name).toEqual(published)
            else if (name.endsWith(' 1')) expect([...new Set(came)], name).toEqual(published)
            else expect(published, name).toEqual(expect.arrayContaining(came))
          }
        },
      ),
      { numRuns: runs, endOnFailure: true },
    )
  },
  PATIENCE,
)
