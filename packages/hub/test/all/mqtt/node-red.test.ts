/**
 * Node-RED itself, without its editor: interop/node-red has its settings and a flow with two brokers, 3.1.1 over TCP and
 * 5.0 over TLS, each with a birth, a close and a will message and a loop from `<name>/in/#` to `<name>/out/…`.
 */
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import type { HubReady } from '../../../src/ready.ts'
import { until } from '../../support.ts'
import { useCertificates } from './support/certificates.ts'
import type { Client, ConnectOptions } from './support/client.ts'
import { Talking } from './support/process.ts'
import { interop, startProgram, useClients, useNodeRed } from './support/programs.ts'

useClients()
useNodeRed()
const certificates = useCertificates()

const MAIN = join(import.meta.dirname, '../../../../cli/dist/main.js')
const HOME = join(interop, 'node-red')
const BYTES = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join('')

/** A hub that can be started again where it was: Node-RED knows one port. */
class Place {
  readonly directory: string
  readonly #config: string
  port = 0
  password = ''

  private constructor(directory: string) {
    this.directory = directory
    this.#config = join(directory, 'hub.hjson')
  }

  static async make(): Promise<Place> {
    const place = new Place(await mkdtemp(join(tmpdir(), 'node-red-')))
    const { directory } = place
    onTestFinished(() => rm(directory, { recursive: true, force: true }))
    const { cert, key } = certificates()
    const config = { data: join(directory, 'data'), tls: { cert, key }, ports: { front: 0, hologram: 0 } }
    await writeFile(place.#config, JSON.stringify(config))
    return place
  }

  async start(): Promise<Talking> {
    const hub = new Talking([MAIN, 'hub', '--json', '--config', this.#config, '--port-mqtt', String(this.port)])
    const ready = JSON.parse(await hub.says(/^(\{.*\})$/m)) as HubReady
    this.port = ready.ports.mqtt ?? 0
    this.password = ready.mqtt?.password ?? ''
    return hub
  }

  async addAccount(...words: string[]): Promise<string> {
    const add = [MAIN, 'hub', 'account', 'add', '--service', 'mqtt', '--config', this.#config]
    return await new Talking([...add, ...words]).says(/password (\S+)/)
  }

  async startNodeRed(account: Readonly<Record<'username' | 'password', string>>): Promise<Talking> {
    const home = join(this.directory, 'node-red')
    await mkdir(home, { recursive: true })
    for (const name of ['flows.json', 'flows_cred.json']) await cp(join(HOME, name), join(home, name))
    const program = join(HOME, 'node_modules/node-red/red.js')
    return new Talking([program, '--settings', join(HOME, 'settings.js'), '--userDir', home, 'flows.json'], {
      MQTT_PORT: String(this.port),
      CA_FILE: certificates().ca,
      HOME: home,
      MQTT_USER: account.username,
      MQTT_PASSWORD: account.password,
    })
  }

  async observe(...filters: string[]): Promise<Client> {
    const client = startProgram('MQTT.js 5.16.0').client()
    const account = { username: 'sample', password: this.password }
    const options: ConnectOptions = { url: `mqtt://localhost:${this.port}`, protocolVersion: 5, ...account }
    await client.connect(options)
    await client.subscribe(filters.map((filter) => ({ filter, qos: 2 as const, retainAsPublished: true })))
    return client
  }
}

it('its flows run on the hub, by 3.1.1 and by 5.0 with TLS, and go on after a restart of either', async () => {
  const place = await Place.make()
  const hub = await place.start()
  const password = await place.addAccount(
    '--username',
    'nodered',
    '--access',
    'readwrite old/#',
    '--access',
    'readwrite new/#',
  )
  const account = { username: 'nodered', password }
  const observer = await place.observe('+/status', '+/out/#')
  for (const name of ['old', 'new']) await observer.publish(`${name}/in/kept`, 'kept', { qos: 1, retain: true })
  const red = await place.startNodeRed(account)

  const about = (client: Client, topic: string): unknown[] =>
    client.messages.filter((one) => one.topic === topic).map(({ payload, qos, retain }) => [payload, qos, retain])
  const comes = (client: Client, topic: string, messages: readonly unknown[]): Promise<void> =>
    until(`${topic} (${red.text})`, () => about(client, topic).length >= messages.length).then(() =>
      expect(about(client, topic)).toEqual(messages),
    )

  for (const name of ['old', 'new']) {
    await comes(observer, `${name}/status`, [['birth', 1, true]])
    await comes(observer, `${name}/out/kept`, [['kept', 1, true]])
    for (const qos of [0, 1, 2] as const) {
      await observer.publish(`${name}/in/${qos}`, BYTES, { qos })
      await comes(observer, `${name}/out/${qos}`, [[BYTES, qos, false]])
    }
    await observer.publish(`${name}/in/keep`, 'this', { qos: 1, retain: true })
    // 5.0 alone can ask for the flag as it was published, and Node-RED does.
    await comes(observer, `${name}/out/keep`, [['this', 1, name === 'new']])
  }
  const properties = { contentType: 'text/plain', userProperties: { unit: 'C' }, messageExpiryInterval: 60 }
  await observer.publish('new/in/properties', '21', { qos: 1, properties })
  await until('they come back', () => observer.messages.some(({ topic }) => topic === 'new/out/properties'))
  expect(observer.messages.at(-1)).toMatchObject({ payload: '21', properties: { ...properties } })

  // The hub restarts: Node-RED comes again by itself, subscribes, and says so.
  expect(await hub.end('SIGTERM')).toBe(0)
  const second = await place.start()
  const after = await place.observe('+/status', '+/out/#')
  // Its will of the restart is a retained message, until its birth takes that place: who comes in between sees both.
  const life = (name: string): unknown[] => {
    const all = about(after, `${name}/status`)
    const born = all.findIndex((one) => (one as unknown[])[0] !== 'will')
    return born < 0 ? [] : all.slice(born)
  }
  for (const name of ['old', 'new']) {
    await until('it is back', () => life(name).length > 0)
    await after.publish(`${name}/in/again`, 'again', { qos: 2 })
    await comes(after, `${name}/out/again`, [['again', 2, false]])
  }

  // It ends: by itself with a goodbye, by force with its will.
  expect(await red.end('SIGTERM')).toBe(0)
  for (const name of ['old', 'new']) {
    await until('its goodbye', () => life(name).length === 2)
    expect(life(name)).toEqual([
      ['birth', 1, true],
      ['close', 1, true],
    ])
  }
  const again = await place.startNodeRed(account)
  for (const name of ['old', 'new']) {
    await until('it is there again', () => life(name).length === 3)
  }
  await again.end('SIGKILL')
  for (const name of ['old', 'new']) {
    await until('its will', () => life(name).length === 4)
    expect(life(name).at(-1)).toEqual(['will', 1, true])
  }
  expect(await second.end('SIGTERM')).toBe(0)
})
