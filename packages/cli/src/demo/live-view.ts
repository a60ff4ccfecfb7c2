/** The demo as a picture that stays where it is and moves. */
import type { Terminal } from '../terminal.ts'
import { paint } from '../text/paint.ts'
import { Canvas } from './canvas.ts'
import { picture } from './picture.ts'
import type { Scene } from './picture.ts'

/** Milliseconds between two looks at what has changed. */
const FRAME = 80
/** Milliseconds in which a message runs along the drawn cable. */
const JOURNEY = 640
/** … and between two of them. */
const GAP = 80

export interface LiveViewParts {
  readonly terminal: Terminal
  readonly scene: Omit<Scene, 'now' | 'travelling' | 'hasKeys' | 'unicode'>
  readonly onSpace: () => void
  readonly onQuit: () => void
}

export class LiveView implements Disposable {
  readonly #parts: LiveViewParts
  readonly #canvas: Canvas
  readonly #resources: Disposable[]
  readonly #hasKeys: boolean
  #departures: number[] = []

  constructor(parts: LiveViewParts) {
    const { terminal } = parts
    this.#parts = parts
    this.#canvas = new Canvas(terminal.screen, paint(terminal.colour.output))
    this.#hasKeys = terminal.input.isTerminal
    const timer = setInterval(() => this.draw(), FRAME)
    this.#resources = [
      { [Symbol.dispose]: () => clearInterval(timer) },
      terminal.screen.onResize(() => this.draw()),
      terminal.onExit(() => this.#canvas[Symbol.dispose]()),
      ...(this.#hasKeys ? [terminal.input.onKey((key) => this.#onKey(key))] : []),
    ]
    this.draw()
  }

  /** A message sets out; many at once follow each other. */
  depart(): void {
    this.#departures.push(Math.max(Date.now(), (this.#departures.at(-1) ?? 0) + GAP))
  }

  draw(): void {
    const { terminal, scene } = this.#parts
    const now = Date.now()
    this.#departures = this.#departures.filter((at) => now - at < JOURNEY)
    const travelling = this.#departures.filter((at) => at <= now).map((at) => (now - at) / JOURNEY)
    const unicode = speaksUnicode(terminal.environment)
    const whole = { ...scene, now: new Date(now), travelling, hasKeys: this.#hasKeys, unicode }
    this.#canvas.draw(picture(whole, terminal.screen))
  }

  [Symbol.dispose](): void {
    for (const resource of this.#resources) resource[Symbol.dispose]()
    this.#canvas[Symbol.dispose]()
  }

  #onKey(key: string): void {
    const { onSpace, onQuit } = this.#parts
    if (key === ' ') onSpace()
    else if (key === 'q' || key === '\u0003') onQuit()
  }
}

/** Only who says C or POSIX is taken at the word: containers mostly say nothing, and their terminals can. */
function speaksUnicode(environment: Readonly<Record<string, string | undefined>>): boolean {
  const locale = environment['LC_ALL'] || environment['LC_CTYPE'] || environment['LANG'] || ''
  return !/^(C|POSIX)$/.test(locale)
}
