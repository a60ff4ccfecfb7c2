import { expect, test } from 'vitest'
import { Story } from '../src/demo/story.ts'
import type { Happening } from '../src/demo/story.ts'

const at = (seconds: number): Date => new Date(Date.UTC(2026, 0, 1) + seconds * 1000)
const texts = (story: Story): string[] => story.happenings.map(({ text }: Happening) => text)

test('a cut, what waits, and the catching up', () => {
  const story = new Story()
  story.handedOver()
  story.delivered('a', at(0))
  story.linkCut(at(1), false)
  for (const id of ['b', 'c']) {
    story.handedOver()
    story.queued(id)
  }
  expect(story.depth).toBe(2)
  expect(story.cutSince).toEqual(at(1))
  story.linkBack(at(7))
  story.delivered('b', at(7.1))
  story.delivered('c', at(7.4))
  expect(texts(story)).toEqual([
    'the link is cut',
    'the link is back after 6 s: 2 queued on disk',
    'caught up in 0.4 s: 2 messages, none lost',
  ])
  expect([story.sent, story.acknowledged, story.later, story.depth]).toEqual([3, 3, 2, 0])
})

test('what an earlier run left is told when it is found and when it has arrived', () => {
  const story = new Story()
  story.foundBacklog(['x', 'y'], at(0))
  story.delivered('x', at(0.2))
  expect(story.fromBefore).toBe(1)
  story.delivered('y', at(0.3))
  expect(texts(story)).toEqual([
    '2 messages of an earlier run found on disk: sending now',
    'the 2 messages of the earlier run arrived, in 0.3 s',
  ])
})

test('a cable that is pulled between two messages: nothing waits, nothing is to be caught up', () => {
  const story = new Story()
  story.linkCut(at(0), true)
  story.linkBack(at(0.5))
  expect(texts(story)).toEqual(['you pulled the cable', 'the link is back after 0.5 s: nothing waits'])
})

test('a list of happenings and arrivals does not grow for ever', () => {
  const story = new Story()
  for (let index = 0; index < 1000; index++) {
    story.note('note', String(index), at(index))
    story.arrived(String(index), at(index), { measuredAt: at(index - 2) })
  }
  expect(story.happenings).toHaveLength(200)
  expect(story.arrivals.at(-1)).toMatchObject({ text: '999', waited: 2, isGuest: false })
})
