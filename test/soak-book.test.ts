/** The accounting of the soak must notice what the soak is there to find. */
import { describe, expect, it } from 'vitest'
import type { KeptMessage } from '../proofs/soak/api.ts'
import { Book } from '../proofs/soak/book.ts'
import type { Settlement } from '../proofs/soak/book.ts'
import type { Crossing } from '../proofs/soak/link.ts'

interface Story {
  /** Lines of the devices. */
  readonly said?: readonly string[]
  /** Taken by the hub for its device; false: refused. */
  readonly pushed?: Readonly<Record<string, boolean>>
  readonly crossings?: readonly Crossing[]
  /** Texts in the history. */
  readonly kept?: readonly string[]
  readonly killed?: 'hub' | 'devices'
}

function crossing(id: string, { owed = 0, disturbed = false, completeAt = 0 }: Partial<Crossing> = {}): Crossing {
  return { id, text: '', beganAt: completeAt, owed, disturbed, completeAt }
}

function settle({ said = [], pushed = {}, crossings = [], kept = [], killed }: Story): Promise<Settlement> {
  const book = new Book()
  for (const [id, taken] of Object.entries(pushed)) book.push('d001', id).taken = taken
  for (const line of said) book.said(line.split(' ', 1)[0] ?? '', line.slice(line.indexOf(' ') + 1))
  if (killed) book.killed({ what: killed, names: new Set(['d001']), from: 10_000, heard: 10_100, to: 11_000 })
  async function* history(): AsyncGenerator<KeptMessage> {
    for (const [index, text] of kept.entries()) {
      const direction = text.startsWith('p') ? 'out' : 'in'
      const channel = text.endsWith('s') ? 'sms:+1' : 'soak,d001'
      yield { id: String(index), account: 'abcd', channel: direction === 'out' ? '' : channel, direction, text }
    }
  }
  const of = (letter: string): Crossing[] => crossings.filter(({ id = '' }) => id.startsWith(letter))
  const device = { name: 'd001', cloudId: 'abcd', toHub: { crossings: of('d') }, toDevice: { crossings: of('p') } }
  return book.settle([device], history())
}

const twice = ['d001.1.1', 'd001.1.1']

describe('what agrees', () => {
  it('is every message once, in its order, and what nobody promised or not at all', async () => {
    const said = ['delivered d001.1.1', 'queued d001.1.2', 'delivered d001.1.3s', 'dropped d001.1.4s ERR_UNKNOWN']
    const kept = ['d001.1.1', 'd001.1.3s', 'd001.1.2', 'd001.2.1']
    expect(await settle({ said, kept })).toMatchObject({ messages: 3, repeated: 0, cut: 0, sms: 1 })
  })

  it('is a copy for each acknowledgement that was cut', async () => {
    const crossings = [
      crossing('d001.1.1', { owed: 5 }),
      crossing('d001.1.1', { disturbed: true }),
      crossing('d001.1.1'),
    ]
    const kept = ['d001.1.1', 'd001.1.1', 'd001.1.1']
    expect(await settle({ said: ['delivered d001.1.1'], crossings, kept })).toMatchObject({ repeated: 2, cut: 2 })
  })

  it('is a copy of what a killed device had not told as delivered', async () => {
    const crossings = [crossing('d001.1.1', { completeAt: 9000 })]
    expect(await settle({ crossings, kept: twice, killed: 'devices' })).toMatchObject({ repeated: 1, cut: 1 })
  })

  it('is a push that came again because the hub was killed before it could know', async () => {
    const said = ['received d001 p001.1 ..!', 'received d001 p001.1 ..!', 'received d001 p00', 'received d001 ']
    const crossings = [crossing('p001.1', { completeAt: 9000 })]
    const story = { said, pushed: { 'p001.1': true }, crossings, kept: ['p001.1'], killed: 'hub' } as const
    expect(await settle(story)).toMatchObject({ pushes: 1, repeatedPushes: 1, cutPushes: 1, pieces: 1 })
  })
})

const received = ['received d001 p001.1 !', 'received d001 p001.2 !']
const pushes = { 'p001.1': true, 'p001.2': true }
const out = ['p001.1', 'p001.2']

describe('what does not', () => {
  it.each<[string, Story, string]>([
    ['a loss', { said: ['queued d001.1.1'] }, 'd001.1.1 is lost'],
    ['a drop', { said: ['dropped d001.1.1 expired'] }, 'd001.1.1 was dropped: expired'],
    [
      'a copy',
      { crossings: [crossing('d001.1.1')], kept: twice },
      'd001.1.1 arrived 2 times, its acknowledgement was cut 0 times',
    ],
    [
      'a copy that a kill of the hub does not excuse',
      { crossings: [crossing('d001.1.1', { completeAt: 9000 })], kept: twice, killed: 'hub' },
      'd001.1.1 arrived 2 times, its acknowledgement was cut 0 times',
    ],
    [
      'a copy of what a killed device had told as delivered',
      {
        said: ['delivered d001.1.1'],
        crossings: [crossing('d001.1.1', { completeAt: 9000 })],
        kept: twice,
        killed: 'devices',
      },
      'd001.1.1 arrived 2 times, its acknowledgement was cut 0 times, acknowledged at 9.000 s, told as delivered at ',
    ],
    [
      'an SMS twice, whatever was cut',
      { crossings: [crossing('d001.1.1s', { owed: 2 })], kept: ['d001.1.1s', 'd001.1.1s'] },
      'the SMS d001.1.1s arrived 2 times',
    ],
    ['an order', { kept: ['d001.1.2', 'd001.1.1'] }, 'd001.1.1 came behind d001.1.2'],
    ['a stranger', { kept: ['hello'] }, "the history has 'hello', which nobody sent"],
    [
      'a push that is lost',
      { pushed: pushes, said: received.slice(1), kept: out },
      'p001.1 never arrived at its device',
    ],
    [
      'pushes out of order',
      { pushed: pushes, said: received.toReversed(), kept: out },
      'd001: messages of the hub came out of order',
    ],
    [
      'a push twice',
      { pushed: pushes, said: [...received, ...received.slice(1)], kept: out },
      'p001.2 arrived 2 times, its acknowledgement was cut 0 times',
    ],
    [
      'a push that was refused',
      { pushed: { 'p001.1': false }, said: received.slice(0, 1) },
      'p001.1 was refused and arrived',
    ],
    ['a push of nobody', { said: ['received d001 p001.9 !!'] }, "d001 received 'p001.9 !!', which nobody sent"],
  ])('is %s', async (_what, story, problem) => {
    await expect(settle(story)).rejects.toThrow(problem)
  })
})
