/** Draws lines on a terminal, only those that changed, and leaves it as it was. */
import type { Screen } from '../terminal.ts'
import type { Paint } from '../text/paint.ts'
import { widthOf } from '../text/width.ts'
import type { Line } from './picture.ts'

const ESC = '\u001B['
/** The other screen, no cursor, no wrapping; and back. */
const ENTER = `${ESC}?1049h${ESC}?25l${ESC}?7l${ESC}2J`
const LEAVE = `${ESC}?7h${ESC}?25h${ESC}?1049l`
/** Terminals that know it show everything between at once; the others ignore it. */
const BEGIN = `${ESC}?2026h`
const END = `${ESC}?2026l`

export class Canvas implements Disposable {
  readonly #screen: Screen
  readonly #paint: Paint
  #shown: string[] = []
  #size = ''
  #entered = false

  constructor(screen: Screen, paint: Paint) {
    this.#screen = screen
    this.#paint = paint
  }

  draw(lines: readonly Line[]): void {
    const { columns, rows } = this.#screen
    const size = `${columns}x${rows}`
    let output = ''
    if (!this.#entered) {
      this.#entered = true
      output += ENTER
    } else if (size !== this.#size) {
      // A terminal that changes its size moves what it shows: everything is drawn anew.
      output += `${ESC}2J`
      this.#shown = []
    }
    this.#size = size
    for (const [row, line] of lines.entries()) {
      const text = this.#render(line)
      if (text === this.#shown[row]) continue
      this.#shown[row] = text
      // Behind a full line the cursor still stands on its last character: there is nothing to clear.
      const isFull = line.reduce((width, piece) => width + widthOf(piece.text), 0) >= columns
      output += `${ESC}${row + 1};1H${text}${isFull ? '' : `${ESC}K`}`
    }
    if (output !== '') this.#screen.write(`${BEGIN}${output}${END}`)
  }

  /** Idempotent, and safe while the process ends. */
  [Symbol.dispose](): void {
    if (!this.#entered) return
    this.#entered = false
    this.#shown = []
    this.#screen.write(LEAVE)
  }

  #render(line: Line): string {
    return line
      .map(({ text, colours = [] }) => colours.reduce((painted, colour) => this.#paint[colour](painted), text))
      .join('')
  }
}
