import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  ClientKeepAlive,
  IncomingAliases,
  IncomingFlow,
  MqttProtocolError,
  OutgoingAliases,
  OutgoingFlow,
  PacketIds,
  ServerKeepAlive,
} from '../../src/mqtt/index.ts'

describe('PacketIds', () => {
  it('[MQTT-2.2.1-3] [MQTT-2.2.1-4] [MQTT-2.3.1-2] [MQTT-4.3.2-1] [MQTT-4.3.3-1] are from 1 to 65,535, none twice, and come round again', () => {
    const ids = new PacketIds()
    const all = Array.from({ length: 65_535 }, () => ids.take())
    expect(all[0]).toBe(1)
    expect(new Set(all).size).toBe(65_535)
    expect(Math.max(...all)).toBe(65_535)
    expect(() => ids.take()).toThrow(/all 65,535 packet identifiers/)
    expect(ids.release(300)).toBe(true)
    expect(ids.release(300)).toBe(false)
    expect(ids.take()).toBe(300)
  })
  it('does not give one again that was freed just now', () => {
    const ids = new PacketIds()
    ids.reserve(2)
    expect([ids.take(), ids.take()]).toEqual([1, 3])
    ids.release(1)
    expect(ids.take()).toBe(4)
    expect(ids.has(2)).toBe(true)
    expect(ids.size).toBe(3)
  })
})

describe('OutgoingFlow', () => {
  it('[MQTT-4.3.2-3] QoS 1: in flight until PUBACK', () => {
    const flow = new OutgoingFlow<string>()
    flow.send(1, 1, 'a')
    expect(flow.puback(2)).toBeUndefined()
    expect(flow.has(1)).toBe(true)
    expect(flow.puback(1)?.message).toBe('a')
    expect(flow.has(1)).toBe(false)
    expect(flow.puback(1)).toBeUndefined()
    expect(flow.size).toBe(0)
  })
  it('[MQTT-4.3.3-3] [MQTT-4.3.3-4] [MQTT-4.3.3-5] QoS 2: in flight until PUBCOMP, a repeated PUBREC gets its PUBREL', () => {
    const flow = new OutgoingFlow<string>()
    flow.send(7, 2, 'a')
    expect(() => flow.pubcomp(7)).toThrow(/PUBCOMP came before PUBREC/)
    expect([flow.pubrec(7, 0), flow.pubrec(7, 0x10), flow.pubrec(8, 0)]).toEqual(['release', 'release', 'unknown'])
    expect(flow.pubcomp(7)?.message).toBe('a')
    expect(flow.pubcomp(7)).toBeUndefined()
  })
  it('[MQTT-4.4.0-2] a PUBREC of 0x80 or more settles', () => {
    const flow = new OutgoingFlow<string>()
    flow.send(7, 2, 'a')
    expect(flow.pubrec(7, 0x97)).toBe('refused')
    expect(flow.begin()).toEqual([])
    expect(flow.resend()).toBeUndefined()
  })
  it('[MQTT-3.3.4-1] the answer of another QoS is a protocol error', () => {
    const flow = new OutgoingFlow<string>()
    flow.send(1, 1, 'a')
    flow.send(2, 2, 'b')
    expect(() => flow.pubrec(1, 0)).toThrow(MqttProtocolError)
    expect(() => flow.puback(2)).toThrow(MqttProtocolError)
  })
  it('[MQTT-4.9.0-1] [MQTT-4.9.0-2] [MQTT-3.3.4-7] [MQTT-3.3.4-9] at the receive maximum nothing more is ready', () => {
    const flow = new OutgoingFlow<string>()
    flow.begin(2)
    flow.send(1, 1, 'a')
    expect(flow.ready).toBe(true)
    flow.send(2, 2, 'b')
    expect(flow.ready).toBe(false)
    flow.pubrec(2, 0)
    expect(flow.ready).toBe(false)
    flow.pubcomp(2)
    expect(flow.ready).toBe(true)
    flow.puback(1)
    flow.send(3, 1, 'c')
    flow.send(4, 1, 'd')
    expect(flow.ready).toBe(false)
  })
  it('[MQTT-4.4.0-1] [MQTT-4.6.0-1] [MQTT-4.6.0-4] [MQTT-4.3.3-6] sends again in order, PUBRELs in the order of PUBRECs', () => {
    const flow = new OutgoingFlow<string>()
    for (const [id, qos] of [
      [1, 1],
      [2, 2],
      [3, 2],
      [4, 1],
      [5, 2],
    ] as const)
      flow.send(id, qos, `m${id}`)
    flow.pubrec(5, 0)
    flow.pubrec(2, 0)
    expect(flow.begin(2)).toEqual([5, 2])
    expect(flow.ready).toBe(false)
    expect([flow.resend()?.packetId, flow.resend()?.packetId, flow.resend()]).toEqual([1, 3, undefined])
    flow.pubcomp(5)
    // It took nothing from this connection's quota, so its answer gives nothing.
    expect(flow.resend()).toBeUndefined()
    flow.puback(1)
    expect(flow.resend()?.message).toBe('m4')
    expect(flow.ready).toBe(false)
    flow.puback(4)
    expect(flow.ready).toBe(true)
  })
  it('does not send again what was acknowledged meanwhile', () => {
    const flow = new OutgoingFlow<string>()
    flow.restore({ packetId: 9, qos: 1, message: 'x', released: false })
    flow.begin()
    flow.puback(9)
    expect(flow.resend()).toBeUndefined()
    expect(flow.ready).toBe(true)
  })
})

describe('IncomingFlow', () => {
  it('[MQTT-4.3.3-10] [MQTT-4.3.3-12] a repeated QoS 2 is not new until its PUBREL', () => {
    const flow = new IncomingFlow()
    expect([flow.publish(2, 1), flow.publish(2, 1)]).toEqual([true, false])
    expect([flow.pubrel(1), flow.pubrel(1)]).toEqual([true, false])
    expect(flow.publish(2, 1)).toBe(true)
  })
  it('[MQTT-4.3.2-5] QoS 1 is always new; [MQTT-4.3.3-9] a refused QoS 2 as well', () => {
    const flow = new IncomingFlow()
    expect([flow.publish(1, 1), flow.publish(1, 1)]).toEqual([true, true])
    flow.publish(2, 5)
    flow.refused(5)
    expect(flow.publish(2, 5)).toBe(true)
    expect([...flow.received]).toEqual([5])
  })
  it('[MQTT-3.3.4-7] more than the receive maximum is refused with 0x93', () => {
    const flow = new IncomingFlow()
    flow.begin(2)
    flow.publish(1, 1)
    flow.publish(2, 2)
    flow.acknowledged()
    flow.publish(1, 3)
    expect(() => flow.publish(1, 4)).toThrow(expect.objectContaining({ reasonCode: 0x93 }))
    flow.begin(1)
    flow.restore(8)
    expect(flow.publish(2, 8)).toBe(false)
  })
})

describe('both flows over connections that break anywhere', () => {
  type Step = { readonly do: 'send'; readonly qos: 1 | 2 } | { readonly do: 'in' | 'out' | 'break' }
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 3, arbitrary: fc.record({ do: fc.constant('send' as const), qos: fc.constantFrom<1 | 2>(1, 2) }) },
    { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('in' as const, 'out' as const) }) },
    { weight: 1, arbitrary: fc.constant({ do: 'break' as const }) },
  )
  type Wire =
    | { readonly type: 'publish'; readonly qos: 1 | 2; readonly id: number; readonly message: number }
    | { readonly type: 'pubrel' | 'puback' | 'pubrec' | 'pubcomp'; readonly id: number }

  it('[MQTT-2.3.1-3] [MQTT-4.3.2-1] [MQTT-4.3.3-1] [MQTT-4.3.3-2] [MQTT-4.3.3-10] [MQTT-4.6.0-1] QoS 2 arrives once, QoS 1 at least once, each in order', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), fc.integer({ min: 1, max: 4 }), (steps, receiveMaximum) => {
        const ids = new PacketIds()
        const out = new OutgoingFlow<number>()
        const into = new IncomingFlow()
        const queue: { qos: 1 | 2; message: number }[] = []
        const arrived: { 1: number[]; 2: number[] } = { 1: [], 2: [] }
        let there: Wire[] = []
        let back: Wire[] = []
        let count = 0
        const pump = (): void => {
          for (let again = out.resend(); again; again = out.resend()) {
            there.push({ type: 'publish', qos: again.qos, id: again.packetId, message: again.message })
          }
          while (queue.length > 0 && out.ready) {
            const { qos, message } = queue.shift()!
            const id = ids.take()
            out.send(id, qos, message)
            there.push({ type: 'publish', qos, id, message })
          }
        }
        const connect = (): void => {
          there = []
          back = []
          into.begin(receiveMaximum)
          for (const id of out.begin(receiveMaximum)) there.push({ type: 'pubrel', id })
          pump()
        }
        const arrive = (): void => {
          const packet = there.shift()
          if (packet?.type === 'publish') {
            if (into.publish(packet.qos, packet.id)) arrived[packet.qos].push(packet.message)
            if (packet.qos === 1) into.acknowledged()
            back.push({ type: packet.qos === 1 ? 'puback' : 'pubrec', id: packet.id })
          } else if (packet) {
            into.pubrel(packet.id)
            back.push({ type: 'pubcomp', id: packet.id })
          }
        }
        const answer = (): void => {
          const packet = back.shift()
          if (packet?.type === 'puback' || packet?.type === 'pubcomp') {
            const settled = packet.type === 'puback' ? out.puback(packet.id) : out.pubcomp(packet.id)
            if (settled) ids.release(settled.packetId)
          } else if (packet && out.pubrec(packet.id, 0) === 'release') there.push({ type: 'pubrel', id: packet.id })
          pump()
        }
        connect()
        for (const step of steps) {
          if (step.do === 'send') {
            queue.push({ qos: step.qos, message: count++ })
            pump()
          } else if (step.do === 'in') arrive()
          else if (step.do === 'out') answer()
          else connect()
        }
        connect()
        while (there.length + back.length > 0) {
          arrive()
          answer()
        }
        const sent = steps.filter((s) => s.do === 'send')
        const of = (qos: 1 | 2): number[] => [...sent.keys()].filter((i) => sent[i]?.qos === qos)
        expect(arrived[2]).toEqual(of(2))
        expect([...new Set(arrived[1])]).toEqual(of(1))
        expect([out.size, ids.size, queue.length, into.received.size]).toEqual([0, 0, 0, 0])
      }),
      { numRuns: 500 },
    )
  })
})

describe('topic aliases', () => {
  it('[MQTT-3.3.2-9] [MQTT-3.3.2-10] [MQTT-3.3.2-11] [MQTT-3.3.2-12] every alias to the maximum, none above', () => {
    const aliases = new IncomingAliases<string>(2)
    expect([aliases.resolve(1, 'a'), aliases.resolve(2, 'b'), aliases.resolve(1, undefined)]).toEqual(['a', 'b', 'a'])
    expect([aliases.resolve(1, 'c'), aliases.resolve(1, undefined)]).toEqual(['c', 'c'])
    expect(() => aliases.resolve(3, 'a')).toThrow(expect.objectContaining({ reasonCode: 0x94 }))
    expect(() => new IncomingAliases<string>(2).resolve(2, undefined)).toThrow(
      expect.objectContaining({ reasonCode: 0x82 }),
    )
  })
  it('[MQTT-3.1.2-26] [MQTT-3.1.2-27] [MQTT-3.2.2-17] [MQTT-3.2.2-18] gives none above the maximum, none at 0', () => {
    expect(new OutgoingAliases(0).give('a')).toBe(0)
    const aliases = new OutgoingAliases(2)
    expect([aliases.known('a'), aliases.give('a'), aliases.give('b'), aliases.known('a')]).toEqual([0, 1, 2, 1])
    // The oldest makes room.
    expect([aliases.give('c'), aliases.known('a'), aliases.known('b'), aliases.known('c')]).toEqual([1, 0, 2, 1])
  })
  it('both ends agree, whatever is sent', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e')),
        fc.integer({ min: 1, max: 4 }),
        (topics, maximum) => {
          const sender = new OutgoingAliases(maximum)
          const receiver = new IncomingAliases<string>(maximum)
          for (const topic of topics) {
            const known = sender.known(topic)
            expect(known ? receiver.resolve(known, undefined) : receiver.resolve(sender.give(topic), topic)).toBe(topic)
          }
        },
      ),
    )
  })
})

describe('keep alive', () => {
  it('[MQTT-3.1.2-22] [3.1.1 MQTT-3.1.2-24] the server waits one and a half times as long', () => {
    const keepAlive = new ServerKeepAlive(10, 1000)
    keepAlive.elapse(15_999)
    keepAlive.received(5000)
    expect(keepAlive.deadline()).toBe(20_000)
    expect(() => keepAlive.elapse(20_000)).toThrow(/silent for 15 s/)
    const none = new ServerKeepAlive(0, 0)
    none.elapse(Number.MAX_SAFE_INTEGER)
    expect(none.deadline()).toBe(Infinity)
  })
  it('[MQTT-3.1.2-20] [3.1.1 MQTT-3.1.2-23] the client pings when it has nothing else to send', () => {
    const keepAlive = new ClientKeepAlive(10, 0, 4)
    keepAlive.sent(3000)
    expect(keepAlive.elapse(12_999)).toBe(false)
    expect(keepAlive.deadline()).toBe(13_000)
    expect(keepAlive.elapse(13_000)).toBe(true)
    expect(keepAlive.deadline()).toBe(17_000)
    keepAlive.answered()
    expect(keepAlive.elapse(17_000)).toBe(false)
    expect(keepAlive.elapse(23_000)).toBe(true)
    expect(() => keepAlive.elapse(27_000)).toThrow(/did not answer a PINGREQ for 4 s/)
    expect(new ClientKeepAlive(0, 0).deadline()).toBe(Infinity)
  })
})
