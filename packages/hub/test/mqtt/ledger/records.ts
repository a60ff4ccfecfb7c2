import fc from 'fast-check'
import type { LedgerRecord } from '../../../src/mqtt/ledger/records.ts'
import { topicOf } from '../../../src/mqtt/publication.ts'
import type { Publication } from '../../../src/mqtt/publication.ts'

/** Records of every kind, whatever they hold. */

const number = fc.oneof(fc.nat({ max: 300 }), fc.maxSafeNat(), fc.constantFrom(127, 128, 16_383, 16_384, 2 ** 32))
const moment = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0)
const later = fc.oneof(moment, fc.constant(Infinity))
const text = fc.string({ unit: 'grapheme', maxLength: 20 })
const numbers = fc.array(number, { maxLength: 5 })
const qos = fc.constantFrom<0 | 1 | 2>(0, 1, 2)
/** MQTT has texts without NUL, and topics without wildcards. */
const topic = text.map((value) => topicOf(value.replaceAll(/[\0+#]/g, '') || 't'))
const utf8 = text.map((value) => value.replaceAll('\0', ''))
const payload = fc.uint8Array({ maxLength: 50 })

const properties = fc.option(
  fc
    .record(
      {
        payloadFormatIndicator: fc.boolean(),
        contentType: utf8,
        responseTopic: utf8.map((value) => value.replaceAll(/[+#]/g, '') || 'r'),
        correlationData: payload,
        userProperties: fc.array(fc.tuple(utf8, utf8), { minLength: 1, maxLength: 3 }),
      },
      { requiredKeys: [] },
    )
    .map((each) => (Object.keys(each).length === 0 ? undefined : each)),
  { nil: undefined },
) as fc.Arbitrary<Publication['properties']>

const publication: fc.Arbitrary<Publication> = fc.record({
  topic,
  payload,
  qos,
  retain: fc.boolean(),
  properties,
  expiresAt: later,
})

/** Only where No Local must know it is written down. */
const published = fc
  .tuple(publication, fc.option(text, { nil: '' }))
  .map(([one, publisher]): Publication => (publisher === '' ? one : { ...one, publisher }))

const terms = fc.record({ qos, retain: fc.boolean(), identifiers: numbers })

const subscription = fc.record({
  filter: text,
  qos,
  noLocal: fc.boolean(),
  retainAsPublished: fc.boolean(),
  identifier: number,
  validUntil: later,
})

const owner = fc.record({
  dialect: text,
  space: text,
  account: text,
  clientId: text,
  name: fc.option(text, { nil: undefined }),
})

const owed = fc
  .tuple(fc.record({ ordinal: number, message: number, released: fc.boolean(), group: number }), terms)
  .map(([one, more]) => ({ ...one, ...more }))

const session = fc.record({
  number,
  owner,
  expiry: number,
  leftAt: fc.option(moment, { nil: undefined }),
  next: number,
  sent: number,
  subscriptions: fc.array(subscription, { maxLength: 3 }),
  owed: fc.array(owed, { maxLength: 3 }),
  received: numbers,
})

const target = fc.record({ session: number, qos, identifiers: numbers, retainAsPublished: fc.boolean() })

const settled = fc.record({
  session: number,
  runs: fc.array(fc.record({ first: number, count: number }), { maxLength: 3 }),
})

const positive = number.map((value) => Math.max(1, value))

/** What is not there is 0 or none, as `published()` has it. */
const message = fc
  .record({
    message: number,
    publication,
    at: moment,
    set: number,
    except: numbers,
    receipt: fc.option(fc.record({ from: positive, packetId: number }), { nil: { from: 0, packetId: 0 } }),
    retained: fc.option(fc.record({ space: text, channel: text, publisher: text }), { nil: undefined }),
  })
  .map(({ receipt, retained, ...one }): LedgerRecord => {
    const { publisher = '', ...place } = retained ?? {}
    const isDated = one.publication.expiresAt !== Infinity
    return {
      kind: 'message',
      ...one,
      ...receipt,
      at: isDated ? one.at : 0,
      retained: retained && { space: '', channel: '', ...place },
      publication: publisher === '' ? one.publication : { ...one.publication, publisher },
    }
  })

type Kinds = { readonly [K in LedgerRecord['kind']]: fc.Arbitrary<LedgerRecord> }

const kind = <K extends LedgerRecord['kind']>(
  name: K,
  fields: { readonly [F in Exclude<keyof Extract<LedgerRecord, { kind: K }>, 'kind'>]: fc.Arbitrary<unknown> },
): fc.Arbitrary<LedgerRecord> => fc.record({ kind: fc.constant(name), ...fields }) as fc.Arbitrary<LedgerRecord>

export const records: Kinds = {
  clock: kind('clock', { bootId: text, wall: moment, monotonic: moment }),
  session: kind('session', { session }),
  queue: kind('queue', { session: number, owed: fc.array(owed, { maxLength: 3 }) }),
  parts: kind('parts', { session: number, count: number }),
  ended: kind('ended', { session: number }),
  returned: kind('returned', { session: number, expiry: number }),
  left: kind('left', { session: number, at: moment, expiry: number, sent: number }),
  subscribed: kind('subscribed', { session: number, subscription }),
  unsubscribed: kind('unsubscribed', { session: number, filter: text }),
  targets: kind('targets', { set: number, sessions: fc.array(target, { maxLength: 3 }), groups: numbers }),
  message,
  moved: kind('moved', { message: number, publication, at: moment }),
  owed: kind('owed', { session: number, message: number, terms }),
  settled: kind('settled', { sessions: fc.array(settled, { maxLength: 3 }) }),
  pubrec: kind('pubrec', { session: number, ordinal: number }),
  receipt: kind('receipt', { session: number, packetId: number }),
  released: kind('released', { session: number, packetId: number }),
  retained: kind('retained', { space: text, channel: text, publication: published, at: moment }),
  group: kind('group', { group: fc.record({ number, space: text, share: text, filter: text, backlog: numbers }) }),
  taken: kind('taken', { group: number, session: number, message: number, terms }),
  'handed-back': kind('handed-back', { group: number, session: number, messages: numbers }),
  'group-settled': kind('group-settled', { group: number, messages: numbers }),
  will: kind('will', {
    will: fc.record({ number, owner, publication, lifetime: later, delay: moment }),
    at: moment,
  }),
  'will-gone': kind('will-gone', { will: number }),
  row: kind('row', {
    row: number,
    first: number,
    messages: fc.array(fc.record({ message: number, qos, retain: fc.boolean() }), { maxLength: 3 }),
  }),
  waits: kind('waits', {
    session: number,
    rows: fc.array(
      fc.record({ row: number, from: number, to: number, qos, retainAsPublished: fc.boolean(), identifiers: numbers }),
      { maxLength: 3 },
    ),
  }),
  snapshot: kind('snapshot', {}),
  complete: kind('complete', {}),
}
