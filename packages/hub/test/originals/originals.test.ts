/**
 * The hub against every stream of vectors/hologram, byte for byte: what the original SDKs were recorded to send, and what
 * others may; each vector names its origin.
 */
import { loadVectors } from '@halyard/testkit'
import type { Vector } from '@halyard/testkit'
import { describe, expect, it } from 'vitest'
import { startHub } from '../support.ts'
import { byteByByte, exchange, whole, withPauses } from './python-socket.ts'
import type { Delivery } from './python-socket.ts'
import { line, recordedHub } from './recorded-hub.ts'

type Auth = { readonly cloudId: string; readonly cloudKey: string } | { readonly deviceKey: string }

/** The part of a vector's message that decides what the hub keeps. */
interface Meaning {
  readonly kind: 'message' | 'sms' | 'one-time-password'
  readonly auth: Auth
  readonly data?: unknown
  readonly dataSource?: string
  readonly topics?: string | readonly string[]
  readonly destination?: string
  readonly body?: string
}

interface Stream extends Vector<Meaning> {
  /** refusals: the form of their answer */
  readonly form?: 'json' | 'compact'
}

const load = (name: string): readonly Stream[] =>
  loadVectors<Meaning>(new URL(`../../../../vectors/hologram/${name}.json`, import.meta.url)).vectors

const STREAMS = [...load('messages'), ...load('sms'), ...load('one-time-passwords'), ...load('refusals')].filter(
  // TV 03 is there twice: the bytes as they are written, and what they mean.
  ({ name }) => !name.endsWith('written'),
)

const keyOf = ({ message }: Stream): string => {
  if (!message || message.kind === 'one-time-password') return '12345678'
  return 'deviceKey' in message.auth ? message.auth.deviceKey : message.auth.cloudId + message.auth.cloudKey
}

const KEYS = [...new Set(STREAMS.map(keyOf))]
const OF = new Map(KEYS.map((key) => [key, STREAMS.filter((vector) => keyOf(vector) === key)]))

/** docs/protocols/hologram.md §5.1, §6 */
function answerTo({ message, form, code }: Stream): string {
  if (form !== undefined) return form === 'json' ? `[${code},0]` : `${code}0`
  if (message?.kind === 'one-time-password') return '50'
  return message?.kind === 'sms' ? '00' : '[0,0]'
}

/** Nothing, or the line of the history. */
function keptOf(vector: Stream): string[] {
  const { message } = vector
  if (!message || message.kind === 'one-time-password') return []
  const account = keyOf(vector).slice(0, 4)
  if (message.kind === 'sms') return [`${account} sms:${message.destination}: ${message.body}`]
  const { data, dataSource, topics = [] } = message
  return [`${account} ${[topics].flat().join(',')}: ${typeof data === 'string' ? data : dataSource}`]
}

const deliveries: readonly (readonly [name: string, delivery: Delivery])[] = [
  ['with one send() call', whole],
  ['byte by byte', byteByByte],
  ['in pieces with pauses', withPauses(15)],
]

describe('every stream of the vectors is answered in its form, and kept as it was meant', () => {
  it('are of every version: recorded, for 0.5 computed', () => {
    const origins = new Set(STREAMS.map(({ origin }) => /v\d[.]\d|develop/.exec(origin)?.[0]))
    expect([...origins]).toEqual(expect.arrayContaining(['v0.1', 'v0.3', 'v0.5', 'develop']))
    expect(KEYS).toEqual(['12345678', '34mg12ab', 'wxyz9876'])
  })

  describe.each(deliveries)('%s', (_name, delivery) => {
    it.each(KEYS)('to a hub on disk, of the device %s', async (key) => {
      const vectors = OF.get(key) ?? []
      const hub = await recordedHub(key.slice(0, 4), key.slice(4))
      const answers: (readonly [string, string, string])[] = []
      for (const { name, hex } of vectors) {
        const { answer, end } = await exchange(hub.port, Buffer.from(hex, 'hex'), { delivery })
        answers.push([name, answer, end])
      }
      // The hub closes behind its answer, so that nobody waits for the end of his timeout.
      expect(answers).toEqual(vectors.map((vector) => [vector.name, answerTo(vector), 'closed']))
      const kept = vectors.flatMap(keptOf)
      expect(await hub.history()).toEqual(kept)
      expect(hub.seen).toEqual(kept)
    })
  })

  it('to a hub in memory, all connections at once', async () => {
    const { hub, port, id, key } = await startHub()
    const seen: string[] = []
    const watching = (async () => {
      for await (const message of hub.messages()) seen.push(line(message))
    })()
    // Its account has other keys of the same length: four characters for four.
    const vectors = OF.get('12345678') ?? []
    const answers = await Promise.all(
      vectors.map(async ({ hex }) => {
        const bytes = Buffer.from(hex, 'hex').toString('latin1')
        const own = bytes
          .replace(/(["S])12345678/, `$1${id}${key}`)
          .replace('"1234"', `"${id}"`)
          .replace('"5678"', `"${key}"`)
        return (await exchange(port, Buffer.from(own, 'latin1'))).answer
      }),
    )
    expect(answers).toEqual(vectors.map(answerTo))
    await hub.close()
    await watching
    const kept = vectors.flatMap(keptOf).map((text) => text.replace(/^1234/, id))
    expect(seen.toSorted()).toEqual(kept.toSorted())
  })
})
