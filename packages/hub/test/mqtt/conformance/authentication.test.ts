/** Enhanced authentication, 5.0 §4.12: a method of ours, a number that must be answered by its successor, twice. */
import { REASON } from '@halyard/wire/mqtt'
import { describe, expect, it } from 'vitest'
import type { Authenticator, AuthenticationStep, Principal } from '../../../src/mqtt/dialect.ts'
import { until } from '../../support.ts'
import { startBroker, startBrokerInTime } from '../broker.ts'
import type { BrokerWish, TestBroker } from '../broker.ts'
import { connectPacket } from '../raw-client.ts'
import type { RawClient } from '../raw-client.ts'

const METHOD = 'SUCCESSOR'
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (data: Uint8Array | undefined): string => new TextDecoder().decode(data)

/** The name comes with CONNECT; then 1 wants 2, and 5 wants 6. */
function successor(principalOf: (name: string) => Principal, pause?: () => Promise<void>): Authenticator {
  const ask = (number: number, then: () => AuthenticationStep): AuthenticationStep => ({
    kind: 'continue',
    data: bytes(String(number)),
    next: (data) => {
      const step: AuthenticationStep =
        text(data) === String(number + 1) ? then() : { kind: 'refused', reason: REASON.notAuthorized, why: 'wrong' }
      return pause ? pause().then(() => step) : step
    },
  })
  return {
    method: METHOD,
    start: (_login, name) =>
      ask(1, () => ask(5, () => ({ kind: 'granted', principal: principalOf(text(name)), data: bytes('welcome') }))),
  }
}

const wish = (pause?: () => Promise<void>): BrokerWish => ({
  authenticators: (dialect) => [
    successor((name) => {
      const verdict = dialect.authenticate({
        version: 5,
        clientId: 'c',
        username: undefined,
        password: undefined,
        cleanStart: true,
        address: '127.0.0.1',
        door: 'mqtt',
        transport: 'tcp',
        certificateName: undefined,
      })
      if (verdict instanceof Promise || !verdict.accepted) throw new Error('nobody comes in without a name')
      return { ...verdict.principal, account: name }
    }, pause),
  ],
})

const start = (pause?: () => Promise<void>): Promise<TestBroker> => startBroker(wish(pause))

async function knock(broker: TestBroker): Promise<RawClient> {
  const client = await broker.open()
  const packet = connectPacket({
    version: 5,
    properties: { authenticationMethod: METHOD, authenticationData: bytes('ann') },
  })
  client.version = 5
  client.send(packet)
  return client
}

const answer = (client: RawClient, data: string, reasonCode: number = REASON.continueAuthentication): void =>
  client.send({
    type: 'auth',
    reasonCode,
    properties: { authenticationMethod: METHOD, authenticationData: bytes(data) },
  })

async function asked(client: RawClient, question: string): Promise<void> {
  const { properties } = await client.expect('auth', { reasonCode: REASON.continueAuthentication })
  expect(properties?.authenticationMethod).toBe(METHOD)
  expect(text(properties?.authenticationData)).toBe(question)
}

async function comeIn(broker: TestBroker): Promise<RawClient> {
  const client = await knock(broker)
  await asked(client, '1')
  answer(client, '2')
  await asked(client, '5')
  answer(client, '6')
  const { properties } = await client.expect('connack', { reasonCode: 0 })
  expect([properties?.authenticationMethod, text(properties?.authenticationData)]).toEqual([METHOD, 'welcome'])
  return client
}

describe('enhanced authentication', () => {
  it('5.0: asks by AUTH 0x18 until it knows, then answers CONNECT [MQTT-4.12.0-2] [MQTT-4.12.0-5]', async () => {
    const client = await comeIn(await start())
    await client.quiet()
  })

  it('5.0: takes its time, and nothing is read meanwhile', async () => {
    const client = await knock(await start(() => new Promise((resolve) => setImmediate(resolve))))
    await asked(client, '1')
    answer(client, '2')
    await asked(client, '5')
    answer(client, '6')
    client.send({ type: 'pingreq' })
    await client.expect('connack', { reasonCode: 0 })
    await client.expect('pingresp')
  })

  it('5.0: has a time for each step that is not taken from the client, and an end', async () => {
    const undone = (): void => {}
    let goOn = undone
    const { broker, pass } = await startBrokerInTime(wish(() => new Promise((resolve) => (goOn = resolve))))
    const client = await knock(broker)
    await asked(client, '1')
    const isAsked = (): boolean => goOn !== undone
    answer(client, '2')
    await until('it is asked', isAsked)
    // Longer than a client has for its CONNECT.
    await pass(8)
    goOn()
    await asked(client, '5')
    goOn = undone
    answer(client, '6')
    await until('it is asked again', isAsked)
    await pass(10)
    await client.expect('connack', { reasonCode: REASON.serverUnavailable })
    await client.closed()
  })

  it('5.0: of an open connection has an end too', async () => {
    let [isStuck, isAsked] = [false, false]
    const never = new Promise<void>(() => {})
    const { broker, pass } = await startBrokerInTime(
      wish(() => {
        isAsked = isStuck
        return isStuck ? never : Promise.resolve()
      }),
    )
    const client = await comeIn(broker)
    answer(client, 'ann', REASON.reAuthenticate)
    await asked(client, '1')
    isStuck = true
    answer(client, '2')
    await until('it is asked', () => isAsked)
    await pass(10)
    await client.closedFor(REASON.serverBusy)
  })

  it('5.0: refuses at any step [MQTT-4.12.0-4]', async () => {
    const broker = await start()
    const first = await knock(broker)
    await asked(first, '1')
    answer(first, '3')
    await first.expect('connack', { reasonCode: REASON.notAuthorized })
    await first.closed()
    const second = await knock(broker)
    await asked(second, '1')
    answer(second, '2')
    await asked(second, '5')
    answer(second, '7')
    await second.expect('connack', { reasonCode: REASON.notAuthorized })
    await second.closed()
  })

  it('5.0: keeps to its method [MQTT-4.12.0-5]', async () => {
    const client = await knock(await start())
    await asked(client, '1')
    client.send({
      type: 'auth',
      reasonCode: REASON.continueAuthentication,
      properties: { authenticationMethod: 'OTHER' },
    })
    await client.expect('connack', { reasonCode: REASON.protocolError })
    await client.closed()
  })

  it.each([
    ['a PUBLISH', { type: 'publish', topic: 'a', payload: bytes('x'), qos: 0, retain: false, dup: false }],
    ['a PINGREQ', { type: 'pingreq' }],
    ['an AUTH that begins anew', { type: 'auth', reasonCode: 0x19, properties: { authenticationMethod: METHOD } }],
  ] as const)('5.0: takes no %s before CONNACK', async (_name, packet) => {
    const client = await knock(await start())
    await asked(client, '1')
    client.send(packet)
    await client.expect('connack', { reasonCode: REASON.protocolError })
    await client.closed()
  })

  it('5.0: lets a client go that changes its mind', async () => {
    const client = await knock(await start())
    await asked(client, '1')
    client.send({ type: 'disconnect', reasonCode: 0 })
    await client.closed()
  })

  it('5.0: is done again while the connection is open, and messages go on [MQTT-4.12.1-1]', async () => {
    const client = await comeIn(await start())
    answer(client, 'ann', REASON.reAuthenticate)
    await asked(client, '1')
    await client.quiet()
    answer(client, '2')
    await asked(client, '5')
    answer(client, '6')
    const { properties } = await client.expect('auth', { reasonCode: 0 })
    expect(properties?.authenticationMethod).toBe(METHOD)
    await client.quiet()
  })

  it('5.0: disconnects who fails at it, or comes as somebody else [MQTT-4.12.1-2]', async () => {
    const broker = await start()
    const wrong = await comeIn(broker)
    answer(wrong, 'ann', REASON.reAuthenticate)
    await asked(wrong, '1')
    answer(wrong, '1')
    await wrong.closedFor(REASON.notAuthorized)
    const other = await comeIn(broker)
    answer(other, 'bob', REASON.reAuthenticate)
    await asked(other, '1')
    answer(other, '2')
    await asked(other, '5')
    answer(other, '6')
    await other.closedFor(REASON.notAuthorized)
  })

  it('5.0: is not begun by a client that came in without', async () => {
    const client = await (await start()).client({ version: 5 })
    answer(client, 'ann', REASON.reAuthenticate)
    await client.closedFor(REASON.protocolError)
  })
})
