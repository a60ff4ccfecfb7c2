/** What is kept between packets: values by packet identifier, and the properties that a connection adds to each message. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PacketReader, encodeToBytes } from '../../src/mqtt/index.ts'
import type { Publish, PublishProperties } from '../../src/mqtt/index.ts'
import { PacketTable } from '../../src/mqtt/machine/packet-table.ts'

describe('PacketTable', () => {
  it('holds what a map would, whatever identifiers come and go', () => {
    const id = fc.oneof(fc.integer({ min: 1, max: 65_535 }), fc.integer({ min: 250, max: 260 }))
    fc.assert(
      fc.property(fc.array(fc.tuple(id, fc.boolean())), (steps) => {
        const table = new PacketTable<number>()
        const map = new Map<number, number>()
        for (const [step, [packetId, isSet]] of steps.entries()) {
          if (isSet) {
            table.set(packetId, step)
            map.set(packetId, step)
          } else {
            table.delete(packetId)
            map.delete(packetId)
          }
          expect(table.size).toBe(map.size)
        }
        for (const [packetId] of steps) expect(table.get(packetId)).toBe(map.get(packetId))
      }),
    )
  })
})

describe('properties that repeat', () => {
  function read(...all: readonly (PublishProperties | undefined)[]): readonly PublishProperties[] {
    const found: PublishProperties[] = []
    const handler = {
      publish: (packet: { properties: PublishProperties }) => found.push(packet.properties),
      packet() {},
    }
    const reader = new PacketReader(handler, { version: 5, receiver: 'client' })
    for (const properties of all) {
      const packet: Publish = {
        ...{ type: 'publish', topic: 'a', payload: new Uint8Array(3), qos: 0, retain: false, dup: false },
        ...(properties && { properties }),
      }
      reader.push(encodeToBytes(packet, 5))
    }
    return found
  }

  it('are one frozen object for as long as the connection adds the same', () => {
    const alias = { topicAlias: 7, subscriptionIdentifiers: [3] }
    const [first, second, none, third, other] = read(alias, alias, undefined, alias, { topicAlias: 8 })
    expect(second).toBe(first)
    expect(third).toBe(first)
    expect(Object.isFrozen(first) && Object.isFrozen(first?.subscriptionIdentifiers)).toBe(true)
    expect([first, none, other]).toEqual([alias, {}, { topicAlias: 8 }])
  })

  it("are each message's own if the sender gave them", () => {
    const given = { topicAlias: 7, correlationData: Uint8Array.of(1, 2) }
    const [first, second] = read(given, given)
    expect(second).not.toBe(first)
    expect(second?.correlationData).not.toBe(first?.correlationData)
    expect(second).toEqual(given)
  })

  it('are looked at by each reader: a server takes no subscription identifier, whoever read it before', () => {
    const packet = encodeToBytes(
      {
        ...{ type: 'publish', topic: 'a', payload: new Uint8Array(0), qos: 0, retain: false, dup: false },
        properties: { subscriptionIdentifiers: [3] },
      },
      5,
    )
    const handler = { publish() {}, packet() {} }
    const server = new PacketReader(handler, { version: 5, receiver: 'server' })
    expect(() => server.push(packet)).toThrow(/subscription identifier/u)
    const again = new PacketReader(handler, { version: 5, receiver: 'server' })
    expect(() => again.push(packet)).toThrow(/subscription identifier/u)
  })
})
