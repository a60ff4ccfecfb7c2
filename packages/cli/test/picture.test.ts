import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Canvas } from '../src/demo/canvas.ts'
import { picture, wrapCommand } from '../src/demo/picture.ts'
import type { Line, Scene } from '../src/demo/picture.ts'
import { Story } from '../src/demo/story.ts'
import { paint } from '../src/text/paint.ts'
import { widthOf } from '../src/text/width.ts'
import { FakeTerminal } from './fake-terminal.ts'

const now = new Date(2026, 0, 1, 12, 0, 10)
const before = (seconds: number): Date => new Date(now.getTime() - seconds * 1000)

function sceneOf(story: Story, changes: Partial<Scene> = {}): Scene {
  return {
    story,
    hub: { host: '127.0.0.1', front: 8080, hologram: 9999, data: '/home/me/halyard-data' },
    command: 'halyard send "hello" --host 127.0.0.1 -p 9999 --cloud_id 2ne7 --cloud_key dj4g',
    startedAt: before(90),
    now,
    travelling: [],
    hasKeys: true,
    unicode: true,
    ...changes,
  }
}

const textOf = (lines: readonly Line[]): string[] =>
  lines.map((line) =>
    line
      .map(({ text }) => text)
      .join('')
      .trimEnd(),
  )

test('the link is cut: what waits is seen at a glance', () => {
  const story = new Story()
  story.arrived('21.4 °C', before(5), { measuredAt: before(11) })
  story.arrived('hello  from 2ne7', before(5))
  story.linkCut(before(4), false)
  story.queued('a')
  story.queued('b')
  const shown = textOf(picture(sceneOf(story), { columns: 70, rows: 20 }))
  expect(shown).toEqual([
    ' HALYARD  Hologram 127.0.0.1:9999 · front door 8080 · up 2 min',
    ' data in /home/me/halyard-data',
    '',
    ' sensor ━━━━━━━━━━━━━━━ ╳ ━━━━━━━━━━━━━━━━ hub   link cut for 4 s',
    ' outbox ██░░░░░░░░░░░░░░░░░░░░░░░░░░   2 messages safe on disk',
    '',
    ' sent 0   acknowledged 0   queued 2   delivered later 0',
    '',
    " On the hub's disk",
    ' 12:00:05  21.4 °C  waited 6 s',
    ' 12:00:05  hello  from 2ne7',
    '',
    '',
    ' What happened',
    ' 12:00:06  the link is cut',
    '',
    '',
    ' space pulls the cable or plugs it in · q ends · send one yourself:',
    ' halyard send "hello" --host 127.0.0.1 -p 9999 --cloud_id 2ne7 \\',
    '   --cloud_key dj4g',
  ])
})

test('messages run along the cable', () => {
  const shown = textOf(picture(sceneOf(new Story(), { travelling: [0, 0.5, 1] }), { columns: 70, rows: 20 }))
  expect(shown[3]).toBe(' sensor ●━━━━━━━━━━━━━━━━●━━━━━━━━━━━━━━━● hub   link up')
})

test('a terminal without Unicode gets ASCII alone', () => {
  const story = new Story()
  story.arrived('21.4 °C', before(5), { measuredAt: before(5) })
  story.linkCut(before(4), false)
  const shown = textOf(picture(sceneOf(story, { unicode: false }), { columns: 70, rows: 20 }))
  expect(shown.join('\n')).toMatch(/^[\n -~]*$/)
})

test('whatever the size and the story, it fills the window and stays in it', () => {
  const words = fc.string({ unit: 'grapheme', maxLength: 200 })
  fc.assert(
    fc.property(
      fc.nat(130),
      fc.nat(50),
      fc.array(words, { maxLength: 40 }),
      fc.nat(300),
      (columns, rows, texts, depth) => {
        const story = new Story()
        for (const text of texts) story.arrived(text, now)
        for (const text of texts) story.note('note', text, now)
        for (let id = 0; id < depth; id++) story.queued(String(id))
        if (depth % 2 === 1) story.linkCut(before(depth), true)
        const lines = picture(sceneOf(story, { travelling: [0.3] }), { columns: columns + 1, rows: rows + 1 })
        expect(lines).toHaveLength(rows + 1)
        for (const line of lines) {
          expect(widthOf(line.map(({ text }) => text).join(''))).toBeLessThanOrEqual(columns + 1)
        }
      },
    ),
    { numRuns: 300 },
  )
})

test('a command that is too wide can still be pasted as one', () => {
  const command = 'halyard send "hello" --host 127.0.0.1 -p 9999 --cloud_id 2ne7 --cloud_key dj4g'
  for (let width = 20; width < 90; width++) {
    const lines = wrapCommand(command, width)
    expect(lines.join('\n').replaceAll(/ \\\n {2}/g, ' ')).toBe(command)
  }
})

describe('the canvas', () => {
  const line = (text: string): Line => [{ text }]

  test('writes what changed, and nothing if nothing did', () => {
    const terminal = new FakeTerminal()
    const canvas = new Canvas(terminal.screen, paint(false))
    canvas.draw([line('one'), line('two')])
    terminal.written.length = 0
    canvas.draw([line('one'), line('two')])
    expect(terminal.written).toEqual([])
    canvas.draw([line('one'), line('new')])
    expect(terminal.written.join('')).toBe('\u001B[?2026h\u001B[2;1Hnew\u001B[K\u001B[?2026l')
  })

  test('leaves the terminal as it was, once', () => {
    const terminal = new FakeTerminal()
    const canvas = new Canvas(terminal.screen, paint(false))
    canvas.draw([line('one')])
    expect(terminal.written.join('')).toContain('\u001B[?1049h\u001B[?25l')
    terminal.written.length = 0
    canvas[Symbol.dispose]()
    canvas[Symbol.dispose]()
    expect(terminal.written.join('')).toBe('\u001B[?7h\u001B[?25h\u001B[?1049l')
  })

  test('does not wipe the last character of a full line', () => {
    const terminal = new FakeTerminal()
    terminal.size = { columns: 3, rows: 1 }
    new Canvas(terminal.screen, paint(false)).draw([line('abc')])
    expect(terminal.written.join('')).toContain('abc\u001B[?2026l')
  })
})
