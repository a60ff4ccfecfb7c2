/** The live view as lines of coloured pieces, for a terminal of any size. Pure: what it shows comes in. */
import type { Colour } from '../text/paint.ts'
import { count, formatSeconds, formatTime } from '../text/units.ts'
import { fit, widthOf } from '../text/width.ts'
import type { Story } from './story.ts'

export interface Piece {
  readonly text: string
  readonly colours?: readonly Colour[]
}
export type Line = readonly Piece[]

export interface Scene {
  readonly story: Story
  readonly hub: { readonly host: string; readonly front: number; readonly hologram: number; readonly data: string }
  /** how to send one's own message */
  readonly command: string
  readonly startedAt: Date
  readonly now: Date
  /** how far messages are on their way to the hub, 0 to 1 */
  readonly travelling: readonly number[]
  readonly hasKeys: boolean
  /** characters beyond ASCII may be used */
  readonly unicode: boolean
}

export interface Size {
  readonly columns: number
  readonly rows: number
}

const GLYPHS = {
  unicode: { wire: '━', dot: '●', cut: '╳', full: '█', empty: '░', bullet: '·', degree: '°' },
  ascii: { wire: '=', dot: 'o', cut: 'X', full: '#', empty: '.', bullet: '-', degree: '' },
} as const

type Glyphs = (typeof GLYPHS)['unicode' | 'ascii']

/** Exactly `rows` lines, none wider than `columns`. */
export function picture(scene: Scene, { columns, rows }: Size): Line[] {
  const glyphs = GLYPHS[scene.unicode ? 'unicode' : 'ascii']
  const inner = Math.max(8, columns - 2)
  const top = [...heading(scene, inner, glyphs), EMPTY, ...state(scene, inner, glyphs), EMPTY]
  const bottom = [EMPTY, ...footer(scene, inner, glyphs)]
  const room = rows - top.length - bottom.length
  const lists = room >= 5 ? middle(scene, room, glyphs) : arrivals(scene, Math.max(0, room), glyphs)
  // Of a small window the state comes first; then what happens; then how to take part.
  const all = [...top, ...lists, ...(room >= 2 ? bottom : [])].slice(0, rows)
  while (all.length < rows) all.push(EMPTY)
  return all.map((line) => cut([{ text: ' ' }, ...line], columns))
}

const EMPTY: Line = []

function heading({ hub, startedAt, now }: Scene, width: number, { bullet }: Glyphs): Line[] {
  const age = formatSeconds((now.getTime() - startedAt.getTime()) / 1000)
  const facts = [`Hologram ${hub.host}:${hub.hologram}`, `front door ${hub.front}`, `up ${age}`]
  return [
    [{ text: 'HALYARD', colours: ['bold', 'cyan'] }, { text: `  ${facts.join(` ${bullet} `)}` }],
    [{ text: fit(`data in ${hub.data}`, width), colours: ['dim'] }],
  ]
}

function state(scene: Scene, width: number, glyphs: Glyphs): Line[] {
  const { story, now } = scene
  const { depth, sent, acknowledged, later, cutSince } = story
  const note: Piece =
    cutSince === undefined
      ? { text: 'link up', colours: ['green'] }
      : { text: `link cut for ${formatSeconds((now.getTime() - cutSince.getTime()) / 1000)}`, colours: ['bold', 'red'] }
  const wire = Math.min(40, Math.max(6, width - widthOf('sensor   hub   link cut for 59 min')))
  const bar = Math.min(30, Math.max(5, width - 40))
  const full = Math.min(bar, depth)
  const waiting: Piece =
    depth === 0
      ? { text: 'nothing waits', colours: ['dim'] }
      : { text: `${count(depth, 'message')} safe on disk`, colours: ['yellow'] }
  return [
    [
      { text: 'sensor ', colours: ['bold'] },
      ...link(scene, wire, glyphs),
      { text: ' hub', colours: ['bold'] },
      { text: '   ' },
      note,
    ],
    [
      { text: 'outbox ', colours: ['bold'] },
      { text: glyphs.full.repeat(full), colours: ['yellow'] },
      { text: glyphs.empty.repeat(bar - full), colours: ['dim'] },
      { text: '   ' },
      waiting,
    ],
    EMPTY,
    [
      ...figure('sent', sent),
      ...figure('acknowledged', acknowledged, 'green'),
      ...figure('queued', depth, depth === 0 ? undefined : 'yellow'),
      ...figure('delivered later', later, later === 0 ? undefined : 'cyan'),
    ],
  ]
}

function figure(name: string, value: number, colour?: Colour): Piece[] {
  return [{ text: `${name} ` }, { text: String(value), colours: colour ? ['bold', colour] : ['bold'] }, { text: '   ' }]
}

/** The cable: messages run along it, or it has a gap. */
function link({ story, travelling }: Scene, length: number, { wire, dot, cut }: Glyphs): Piece[] {
  if (story.cutSince !== undefined) {
    const left = Math.floor((length - 3) / 2)
    return [
      { text: wire.repeat(left), colours: ['red'] },
      { text: ` ${cut} `, colours: ['bold', 'red'] },
      { text: wire.repeat(length - 3 - left), colours: ['red'] },
    ]
  }
  const dots = new Set(travelling.map((way) => Math.min(length - 1, Math.floor(way * length))))
  const cells = Array.from({ length }, (_, index) => dots.has(index))
  const pieces: Piece[] = []
  for (let index = 0; index < length;) {
    let end = index + 1
    while (end < length && cells[end] === cells[index]) end += 1
    const isDot = cells[index] === true
    pieces.push({ text: (isDot ? dot : wire).repeat(end - index), colours: isDot ? ['bold', 'cyan'] : ['green'] })
    index = end
  }
  return pieces
}

/** Both lists with their titles, in so many rows. */
function middle(scene: Scene, room: number, glyphs: Glyphs): Line[] {
  const forEvents = Math.max(1, Math.floor((room - 3) * 0.4))
  const forArrivals = room - 3 - forEvents
  return [...arrivals(scene, forArrivals + 1, glyphs), EMPTY, title('What happened'), ...happenings(scene, forEvents)]
}

function title(text: string): Line {
  return [{ text, colours: ['bold'] }]
}

function arrivals({ story }: Scene, room: number, { degree }: Glyphs): Line[] {
  if (room <= 0) return []
  const rows = room - 1
  const lines = story.arrivals.slice(-rows || story.arrivals.length).map(({ at, text, waited, isGuest }): Line => {
    const shown = degree === '' ? text.replace('°', '') : text
    return [
      { text: `${formatTime(at)}  `, colours: ['dim'] },
      isGuest ? { text: shown, colours: ['bold', 'cyan'] } : { text: shown },
      ...(waited > 0 ? [{ text: `  waited ${formatSeconds(waited)}`, colours: ['yellow'] as const }] : []),
    ]
  })
  return [title("On the hub's disk"), ...padded(lines, rows)]
}

function happenings({ story }: Scene, rows: number): Line[] {
  const colours = { good: ['green'], bad: ['red'], note: ['yellow'] } as const
  const lines = story.happenings.slice(-rows).map(({ at, kind, text }): Line => [
    { text: `${formatTime(at)}  `, colours: ['dim'] },
    { text, colours: colours[kind] },
  ])
  return padded(lines, rows)
}

function padded(lines: readonly Line[], rows: number): Line[] {
  const kept = rows === 0 ? [] : lines.slice(-rows)
  return [...kept, ...Array.from({ length: rows - kept.length }, () => EMPTY)]
}

function footer({ command, hasKeys }: Scene, width: number, { bullet }: Glyphs): Line[] {
  const keys = hasKeys ? `space pulls the cable or plugs it in ${bullet} q ends ${bullet} ` : ''
  return [
    [{ text: `${keys}send one yourself:`, colours: ['dim'] }],
    ...wrapCommand(command, width).map((text): Line => [{ text, colours: ['cyan'] }]),
  ]
}

/** A command on as many lines as it needs, which can still be pasted as one. */
export function wrapCommand(command: string, width: number): string[] {
  if (widthOf(command) <= width) return [command]
  const lines: string[] = []
  let line = ''
  for (const part of command.split(/ (?=-)/)) {
    const longer = line === '' ? part : `${line} ${part}`
    if (line !== '' && widthOf(longer) + 2 > width) {
      lines.push(`${line} \\`)
      line = `  ${part}`
    } else {
      line = longer
    }
  }
  return [...lines, line]
}

/** Cuts a line at so many columns. */
function cut(line: Line, columns: number): Line {
  const kept: Piece[] = []
  let room = columns
  for (const piece of line) {
    if (room <= 0) break
    const text = fit(piece.text, room)
    kept.push({ ...piece, text })
    room -= widthOf(text)
  }
  return kept
}
