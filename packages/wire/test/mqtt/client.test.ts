import { describe, expect, it } from 'vitest'
import {
  ClientKeepAlive,
  decodePacket,
  encode,
  encodeToBytes,
  fitTo,
  IncomingFlow,
  OutgoingFlow,
  sizeOf,
} from '../../src/mqtt/index.ts'
import type { Connack, Connect, Packet, Publish } from '../../src/mqtt/index.ts'

/** What binds clients alone, as far as the codec and the machines go on which a client stands. */

const hex = (packet: Packet, version: 4 | 5): string => Buffer.from(encodeToBytes(packet, version)).toString('hex')
const text = (value: string): string => value.length.toString(16).padStart(4, '0') + Buffer.from(value).toString('hex')

/** What a server answers to CONNECT, as it comes over the wire. */
function answered(properties: Connack['properties']): NonNullable<Connack['properties']> {
  const connack: Connack = { type: 'connack', sessionPresent: false, reasonCode: 0, ...(properties && { properties }) }
  const packet = decodePacket(encodeToBytes(connack, 5), { version: 5, receiver: 'client' })?.packet
  if (packet?.type !== 'connack') throw new Error('no CONNACK')
  return packet.properties ?? {}
}

describe('CONNECT', () => {
  const connect: Connect = {
    type: 'connect',
    version: 4,
    clientId: 'id',
    cleanStart: true,
    keepAlive: 0,
    will: { topic: 'will', payload: Buffer.from('gone'), qos: 0, retain: false },
    username: 'name',
    password: Buffer.from('word'),
  }
  const fields = [text('will'), text('gone'), text('name'), text('word')].join('')
  it('[3.1.1 MQTT-3.1.3-1] [MQTT-3.1.3-1] is written as client id, will topic, will payload, user name, password', () => {
    expect(hex(connect, 4)).toBe(`1026${text('MQTT')}04c60000${text('id')}${fields}`)
    expect(hex({ ...connect, version: 5 }, 5)).toBe(`1028${text('MQTT')}05c6000000${text('id')}00${fields}`)
  })
})

describe('what the server told in CONNACK', () => {
  it('[MQTT-3.1.2-21] [MQTT-3.2.2-21] its keep alive takes the place of the own', () => {
    const asked = 60
    const inForce = answered({ serverKeepAlive: 10 }).serverKeepAlive ?? asked
    const keepAlive = new ClientKeepAlive(inForce, 0)
    expect(keepAlive.deadline()).toBe(10_000)
    expect([keepAlive.elapse(9999), keepAlive.elapse(10_000)]).toEqual([false, true])
    expect(new ClientKeepAlive(answered(undefined).serverKeepAlive ?? asked, 0).deadline()).toBe(60_000)
  })

  it('[MQTT-3.2.2-15] its maximum packet size is compared before anything is written', () => {
    const { maximumPacketSize = Infinity } = answered({ maximumPacketSize: 20 })
    const publish = (bytes: number): Publish => {
      const payload = new Uint8Array(bytes)
      return { type: 'publish', topic: 'a/topic', payload, qos: 0, retain: false, dup: false }
    }
    expect([sizeOf(publish(8), 5), sizeOf(publish(9), 5)]).toEqual([20, 21])
    const out = new Uint8Array(maximumPacketSize)
    expect(encode(publish(8), 5, out, 0)).toBe(maximumPacketSize)
    expect(() => encode(publish(9), 5, out.fill(0), 0)).toThrow(expect.objectContaining({ code: 'ERR_MQTT_ROOM' }))
    expect(out.every((byte) => byte === 0)).toBe(true)
    // What only explains is left out where it does not fit.
    const leaving = { type: 'disconnect', reasonCode: 4, properties: { reasonString: 'out of energy' } } as const
    expect(sizeOf(leaving, 5)).toBe(20)
    expect(fitTo(leaving, maximumPacketSize)).toBe(leaving)
    expect(fitTo(leaving, maximumPacketSize - 1)).toEqual({ ...leaving, properties: {} })
  })

  it('[MQTT-3.3.4-8] its receive maximum holds up no other packet than PUBLISH', () => {
    const { receiveMaximum } = answered({ receiveMaximum: 1 })
    const [out, into] = [new OutgoingFlow<string>(), new IncomingFlow()]
    out.restore({ packetId: 1, qos: 2, message: 'of a connection before', released: true })
    out.restore({ packetId: 2, qos: 2, message: 'also', released: false })
    // PUBREL goes at once, though the one PUBLISH that may go uses up the quota.
    expect(out.begin(receiveMaximum)).toEqual([1])
    expect(out.resend()?.packetId).toBe(2)
    expect(out.ready).toBe(false)
    expect(out.pubrec(2, 0)).toBe('release')
    expect(out.ready).toBe(false)
    // So do the answers to what comes meanwhile.
    expect([into.publish(1, 7), into.publish(2, 8), into.pubrel(8)]).toEqual([true, true, true])
    out.pubcomp(2)
    expect(out.ready).toBe(true)
  })
})
