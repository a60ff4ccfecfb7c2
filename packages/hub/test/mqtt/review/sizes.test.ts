import { describe, expect, it } from 'vitest'
import type { Packet } from '@halyard/wire/mqtt'
import { VirtualClock } from '@halyard/testkit'
import { LedgerDecoder } from '../../../src/mqtt/ledger/decoder.ts'
import { LedgerEncoder } from '../../../src/mqtt/ledger/encoder.ts'
import { sessionRecords } from '../../../src/mqtt/ledger/live.ts'
import { LedgerState } from '../../../src/mqtt/ledger/state.ts'
import { ClientSubscription } from '../../../src/mqtt/session.ts'
import { SessionTable } from '../../../src/mqtt/session-table.ts'
import { OpenDialect } from '../stage.ts'
import { LASTING, LedgerStage, publishOf, textsOf } from './ledger-stage.ts'

const MIB = 1024 * 1024

/** Different filters that all fit a topic of 14 levels. */
function filtersOf(count: number): string[] {
  return Array.from({ length: count }, (_, number) =>
    Array.from({ length: 14 }, (_level, bit) => (((number >> bit) & 1) === 1 ? '+' : 'a')).join('/'),
  )
}

const TOPIC = Array.from({ length: 14 }, () => 'a').join('/')

describe('sizes', () => {
  it('a snapshot holds a session whose messages have thousands of identifiers each', async () => {
    const stage = await LedgerStage.open({ receiveMaximum: 5000 })
    const away = await stage.connect('away', LASTING)
    for (const [index, filter] of filtersOf(4000).entries()) {
      const one = { filter, qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 2 } as const
      const properties = { subscriptionIdentifier: 3_000_000 + index }
      away.send({ type: 'subscribe', packetId: 1, subscriptions: [one], properties })
    }
    await stage.settle()
    away.drop()
    const publisher = await stage.connect('publisher')
    for (let id = 1; id <= 2200; id++) publisher.send(publishOf(TOPIC, String(id), 1, id))
    await stage.settle()
    expect(publisher.take()).toHaveLength(2200)
    await stage.ledger.snapshot()
    expect(stage.journal.droppedBelow).toBeGreaterThan(2200)
    stage.journal.dropsAll = true
    const next = await stage.crash()
    expect(next.store.count).toBe(2200)
  }, 20_000)

  it('of QoS 2 what PUBREC came for is never a PUBLISH again, whatever else was settled and not written', async () => {
    const limits = { window: 2 }
    const stage = await LedgerStage.open(limits)
    const reader = await stage.connect('reader', LASTING)
    await stage.subscribe(reader, 'a', 2)
    const publisher = await stage.connect('publisher')
    for (let id = 1; id <= 4; id++) publisher.send(publishOf('a', String(id), 2, id))
    await stage.settle()
    const answer = (type: 'pubrec' | 'pubcomp', ...ids: number[]): void =>
      reader.send(...ids.map((packetId): Packet => ({ type, packetId, reasonCode: 0 })))
    answer('pubrec', 1, 2)
    await stage.settle()
    stage.journal.isAutomatic = false
    // Something was written since the last commit: what is settled now waits for the next.
    answer('pubcomp', 1)
    answer('pubrec', 3)
    answer('pubcomp', 2)
    answer('pubrec', 3, 4)
    stage.journal.settle()
    await stage.settle()
    reader.take()
    const next = await stage.crash(limits)
    const again = await next.connect('reader', LASTING)
    await next.settle()
    again.send(...[2, 3].map((packetId): Packet => ({ type: 'pubcomp', packetId, reasonCode: 0 })))
    await next.settle()
    expect(textsOf(again)).toEqual([])
  })

  it('a session whose filters are more than a record may have is written in several', () => {
    const dialect = new OpenDialect()
    const session = new SessionTable().create(dialect.principal(), 'many', 1)
    const terms = { qos: 1, noLocal: false, retainAsPublished: false, identifier: 0, validUntil: Infinity } as const
    for (let count = 0; count < 600; count++) {
      session.setSubscription(`${count}/`.padEnd(65_000, 'x'), new ClientSubscription(session, terms))
    }
    session.number = 1
    const [encoder, decoder, state] = [new LedgerEncoder(), new LedgerDecoder(), new LedgerState(new VirtualClock())]
    expect(session.filterBytes).toBeGreaterThan(36 * MIB)
    for (const record of sessionRecords(session, 0)) {
      const bytes = encoder.encode(record)
      expect(bytes.length).toBeLessThan(30 * MIB)
      state.apply(decoder.decode(bytes))
    }
    expect([...(state.sessions.get(1)?.subscriptions.keys() ?? [])]).toEqual([...session.subscriptions.keys()])
  })
})
