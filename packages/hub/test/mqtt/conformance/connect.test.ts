import { describe, expect, it } from 'vitest'
import { encodeToBytes } from '@halyard/wire/mqtt'
import { ACCOUNT, ALL, OLD, inVersions, lasting, startBroker, startBrokerInTime } from '../broker.ts'
import { connectPacket, publishPacket, subscribePacket } from '../raw-client.ts'

/** §3.1 and §3.2: who may come in, and what he is told. Sessions and wills have files of their own. */

const NAME = '00044d515454'

describe('what is no CONNECT of ours', () => {
  it('a protocol level that there is not is told so [MQTT-3.1.2-2] [3.1.1 MQTT-3.1.2-2]', async () => {
    const broker = await startBroker()
    for (const level of ['06', '03', '7f', '00']) {
      const other = await broker.open()
      other.sendBytes(`100d${NAME}${level}02003c000161`)
      await other.expect('connack', { reasonCode: 1, sessionPresent: false })
      await other.closed()
    }
  })

  it('another protocol name goes no further, whether it is told or not [MQTT-3.1.2-1] [3.1.1 MQTT-3.1.2-1]', async () => {
    const broker = await startBroker()
    for (const level of ['04', '05']) {
      const client = await broker.open()
      client.sendBytes(`100e00044d51545a${level}02003c00000161`)
      const answer = await client.next().catch(() => undefined)
      if (answer) expect(answer).toMatchObject({ type: 'connack', reasonCode: 1 })
      await client.closed()
    }
    expect(broker.server.broker.counters.connectionsEver).toBe(0)
  })

  const silent: readonly (readonly [title: string, hex: string])[] = [
    ['the reserved flag [3.1.1 MQTT-3.1.2-3]', `100d${NAME}0403003c000161`],
    ['a will QoS of 3 [3.1.1 MQTT-3.1.4-1] [3.1.1 MQTT-3.2.2-6]', `1013${NAME}041e003c00016100016100016100`],
    ['a will QoS without a will [3.1.1 MQTT-3.1.4-1]', `100d${NAME}040a003c000161`],
    ['a password without a user name [3.1.1 MQTT-3.1.4-1]', `1010${NAME}0442003c000161000161`],
    ['bytes behind the end [3.1.1 MQTT-3.1.4-1]', `100e${NAME}0402003c00016100`],
    ['a client id that is no UTF-8 [3.1.1 MQTT-3.1.4-1] [3.1.1 MQTT-1.5.3-1]', `100d${NAME}0402003c0001ff`],
    ['a user name with U+0000 [3.1.1 MQTT-3.1.4-1] [3.1.1 MQTT-1.5.3-2]', `1010${NAME}0482003c000161000100`],
    ['a first packet that is no CONNECT [MQTT-3.1.0-1] [3.1.1 MQTT-3.1.0-1]', 'c000'],
  ]
  for (const [title, hex] of silent) {
    it(`is closed without CONNACK: ${title}`, async () => {
      const broker = await startBroker()
      const client = await broker.open()
      client.sendBytes(hex)
      await client.closed()
    })
  }

  const told: readonly (readonly [title: string, hex: string, reason: number])[] = [
    ['the reserved flag [MQTT-3.1.2-3]', `100e${NAME}0503003c00000161`, 0x81],
    ['a client id that is no UTF-8 [MQTT-3.1.4-1]', `100e${NAME}0502003c000001ff`, 0x81],
    ['a property twice [MQTT-3.1.4-1]', `1014${NAME}0502003c06210001210002000161`, 0x82],
    ['a Receive Maximum of 0 [MQTT-3.1.4-1]', `1011${NAME}0502003c03210000000161`, 0x82],
  ]
  for (const [title, hex, reasonCode] of told) {
    it(`5.0 is told why: ${title} [MQTT-3.2.2-7]`, async () => {
      const broker = await startBroker()
      const client = await broker.open()
      client.version = 5
      client.sendBytes(hex)
      await client.expect('connack', { reasonCode, sessionPresent: false })
      await client.closed()
    })
  }

  inVersions([4, 5], 'a will whose topic has a wildcard [MQTT-3.1.4-2] [3.1.1 MQTT-3.1.4-1]', async (version) => {
    const broker = await startBroker()
    const client = await broker.open()
    client.version = version
    const properties = version === 5 ? '00' : ''
    const body = `${NAME}0${version}06003c${properties}000161${properties}000123000161`
    client.sendBytes(`10${(body.length / 2).toString(16).padStart(2, '0')}${body}`)
    if (version === 5) await client.expect('connack', { reasonCode: 0x90 })
    await client.closed()
  })
})

describe('client ids', () => {
  inVersions(ALL, '1 to 23 letters and digits, and more [MQTT-3.1.3-5] [3.1.1 MQTT-3.1.3-5]', async (version) => {
    const broker = await startBroker()
    await broker.client({ version, clientId: 'a' })
    await broker.client({ version, clientId: '0123456789abcdefghiABCZ' })
    if (version !== 3) await broker.client({ version, clientId: `${'long'.repeat(1000)} ü /+#$` })
  })

  it('an empty one gets one of its own [3.1.1 MQTT-3.1.3-6] [3.1.1 MQTT-3.1.3-2]', async () => {
    const broker = await startBroker()
    const clients = [await broker.client({ clientId: '' }), await broker.client({ clientId: '' })]
    for (const client of clients) await client.quiet()
  })

  it('5.0 is told which: nobody else has it, and it is its own from then on [MQTT-3.1.3-6] [MQTT-3.1.3-7] [MQTT-3.2.2-16]', async () => {
    const broker = await startBroker()
    const assigned = new Set<string>()
    for (let i = 0; i < 10; i++) {
      const wish = { version: 5, clientId: '', properties: { sessionExpiryInterval: 60 } } as const
      const { connack } = await broker.client(wish)
      assigned.add(connack.properties?.assignedClientIdentifier ?? '')
    }
    expect(assigned.size).toBe(10)
    expect(assigned).not.toContain('')
    const [clientId = ''] = assigned
    const again = await broker.client(lasting(5, clientId))
    expect(again.connack).toMatchObject({ sessionPresent: true })
    expect(again.connack.properties).not.toHaveProperty('assignedClientIdentifier')
  })

  it('an empty one and a session that lasts is refused [3.1.1 MQTT-3.1.3-8] [3.1.1 MQTT-3.1.3-9] [3.1.1 MQTT-3.2.2-4] [3.1.1 MQTT-3.2.2-5]', async () => {
    const broker = await startBroker()
    const client = await broker.open()
    client.sendBytes(`100c${NAME}0400003c0000`)
    await client.expect('connack', { reasonCode: 2, sessionPresent: false })
    await client.closed()
  })

  it('3.1 has no empty ones: return code 2', async () => {
    const broker = await startBroker()
    const client = await broker.open()
    client.version = 3
    client.sendBytes('100e00064d51497364700302003c0000')
    await client.expect('connack', { reasonCode: 2 })
    await client.closed()
  })

  inVersions(
    ALL,
    'the same one twice: the older connection ends [MQTT-3.1.4-3] [3.1.1 MQTT-3.1.4-2]',
    async (version) => {
      const broker = await startBroker()
      const [first, other] = [await broker.client({ version, clientId: 'same' }), await broker.client({ version })]
      const second = await broker.client({ version, clientId: 'same' })
      await first.closedFor(0x8e)
      await second.quiet()
      await other.quiet()
    },
  )
})

describe('who may come in', () => {
  const login = (version: 3 | 4 | 5, password: string): Uint8Array =>
    encodeToBytes(connectPacket({ version, username: ACCOUNT.username, password: Buffer.from(password) }), version)

  inVersions(
    ALL,
    'a wrong password: CONNACK says so, with no session, and the connection ends [MQTT-3.1.4-2] [MQTT-3.2.2-6] [MQTT-3.2.2-7] [MQTT-3.2.2-8] [MQTT-4.13.2-1] [3.1.1 MQTT-3.2.2-4] [3.1.1 MQTT-3.2.2-5]',
    async (version) => {
      const broker = await startBroker()
      const client = await broker.open()
      client.version = version
      client.sendBytes(login(version, 'wrong'))
      await client.expect('connack', { reasonCode: version === 5 ? 0x86 : 4, sessionPresent: false })
      await client.closed()
    },
  )

  inVersions(
    ALL,
    'nothing behind a refused CONNECT is looked at [MQTT-3.1.4-6] [3.1.1 MQTT-3.1.4-5]',
    async (version) => {
      const broker = await startBroker()
      const watcher = await broker.client()
      await watcher.subscribe('#')
      const client = await broker.open()
      client.version = version
      const behind = encodeToBytes(publishPacket('a', 'from nobody'), version)
      client.sendBytes(Buffer.concat([login(version, 'wrong'), behind]))
      await client.expect('connack')
      await client.closed()
      await watcher.quiet()
      expect(broker.server.broker.counters.publishReceived).toBe(0)
    },
  )

  inVersions(
    ALL,
    'a right one is acknowledged, first of all and once, and what came behind is served then [MQTT-3.1.4-5] [MQTT-3.2.0-1] [MQTT-3.2.0-2] [3.1.1 MQTT-3.1.4-4] [3.1.1 MQTT-3.2.0-1]',
    async (version) => {
      const broker = await startBroker()
      const client = await broker.open()
      client.version = version
      const subscribe = encodeToBytes(subscribePacket(1, [{ filter: 'a' }]), version)
      const publish = encodeToBytes(publishPacket('open/a', 'early', { qos: 1, packetId: 1 }), version)
      client.sendBytes(Buffer.concat([login(version, ACCOUNT.password.toString()), subscribe, publish]))
      await client.expect('connack', { reasonCode: 0 })
      await client.expect('suback')
      await client.expect('puback')
      await client.quiet()
    },
  )
})

describe('what CONNACK tells', () => {
  it('its flags are session present alone [MQTT-3.2.2-1]', async () => {
    const broker = await startBroker()
    for (const version of ALL) {
      await broker.left(await broker.client(lasting(version, `id${version}`)))
      const client = await broker.open()
      client.version = version
      const bytes: Buffer[] = []
      client.socket.on('data', (chunk: Buffer) => bytes.push(chunk))
      client.send(connectPacket(lasting(version, `id${version}`)))
      await client.expect('connack')
      // 3.1 does not know the flag: the byte is 0.
      expect(Buffer.concat(bytes)[2], `version ${version}`).toBe(version === 3 ? 0 : 1)
    }
  })

  it('5.0: the limits of the server, and nothing that was not asked for [MQTT-3.1.2-28] [MQTT-4.12.0-6]', async () => {
    const broker = await startBroker({ limits: { receiveMaximum: 12, packetBytes: 3456, topicAliases: 7 } })
    const { connack } = await broker.client({ version: 5 })
    expect(connack.properties).toEqual({ receiveMaximum: 12, maximumPacketSize: 3456, topicAliasMaximum: 7 })
    const asking = await broker.client({ version: 5, properties: { requestResponseInformation: false } })
    expect(asking.connack.properties).not.toHaveProperty('responseInformation')
  })

  it('a session expiry that is shorter than what was asked for', async () => {
    const broker = await startBroker({ limits: { sessionExpiry: 100 } })
    const { connack } = await broker.client({ version: 5, properties: { sessionExpiryInterval: 0xffff_ffff } })
    expect(connack.properties).toMatchObject({ sessionExpiryInterval: 100 })
  })

  it('5.0: an authentication method that the server does not have [MQTT-4.12.0-1]', async () => {
    const broker = await startBroker()
    const client = await broker.open()
    client.version = 5
    client.send(connectPacket({ version: 5, properties: { authenticationMethod: 'SCRAM-SHA-1' } }))
    await client.expect('connack', { reasonCode: 0x8c })
    await client.closed()
  })

  it('5.0: AUTH though no method was agreed on [MQTT-4.12.0-6]', async () => {
    const broker = await startBroker()
    const client = await broker.client({ version: 5 })
    client.send({ type: 'auth', reasonCode: 0x18, properties: { authenticationMethod: 'X' } })
    await client.closedFor(0x82)
  })

  inVersions(
    ALL,
    'a password that is right over several packets and connections [MQTT-4.2.0-1] [3.1.1 MQTT-7.1.1-1]',
    async (version) => {
      const broker = await startBroker()
      const client = await broker.open()
      client.version = version
      const { username, password } = ACCOUNT
      // One byte at a time: TCP knows no packets.
      for (const byte of encodeToBytes(connectPacket({ version, username, password }), version)) {
        client.sendBytes(Uint8Array.of(byte))
      }
      await client.expect('connack', { reasonCode: 0 })
    },
  )
})

describe('keep-alive', () => {
  inVersions(
    ALL,
    'silence for one and a half times its keep-alive ends the connection, and its will is published [MQTT-3.1.2-22] [MQTT-3.2.2-22] [3.1.1 MQTT-3.1.2-24]',
    async (version) => {
      const { broker, pass } = await startBrokerInTime()
      const watcher = await broker.client()
      await watcher.subscribe('will')
      const will = { topic: 'will', payload: Buffer.from('late'), qos: 0, retain: false } as const
      const client = await broker.client({ version, keepAlive: 10, will })
      await pass(14)
      await client.quiet()
      await pass(14)
      await client.quiet()
      await watcher.quiet()
      await pass(17)
      await client.closedFor(0x8d)
      await watcher.message('will', 'late')
    },
  )

  inVersions(ALL, 'a keep-alive of 0 is none', async (version) => {
    const { broker, pass } = await startBrokerInTime()
    const client = await broker.client({ version, keepAlive: 0 })
    await pass(200_000)
    await client.quiet()
  })

  it('5.0 is told of a shorter one, which holds then', async () => {
    const { broker, pass } = await startBrokerInTime({ limits: { keepAlive: 20 } })
    const client = await broker.client({ version: 5, keepAlive: 1000 })
    expect(client.connack.properties).toMatchObject({ serverKeepAlive: 20 })
    await pass(32)
    await client.closedFor(0x8d)
  })

  inVersions(OLD, 'any packet counts, also a part of one', async (version) => {
    const { broker, pass } = await startBrokerInTime()
    const client = await broker.client({ version, keepAlive: 10 })
    const bytes = encodeToBytes(publishPacket('a', 'slow'), version)
    for (const byte of bytes) {
      const before = broker.server.broker.counters.bytesReceived
      client.sendBytes(Uint8Array.of(byte))
      await expect.poll(() => broker.server.broker.counters.bytesReceived).toBe(before + 1)
      await pass(10)
    }
    await client.quiet()
  })
})

inVersions(ALL, 'every PINGREQ has its PINGRESP [MQTT-3.12.4-1] [3.1.1 MQTT-3.12.4-1]', async (version) => {
  const broker = await startBroker()
  const client = await broker.client({ version })
  client.send(...Array.from({ length: 1000 }, () => ({ type: 'pingreq' }) as const))
  for (let i = 0; i < 1000; i++) await client.expect('pingresp')
  client.send({ type: 'disconnect', reasonCode: 0 })
  await client.closed()
})
