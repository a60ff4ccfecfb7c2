import type { Terminal } from '../../terminal.ts'
import { paint } from '../../text/paint.ts'
import { count } from '../../text/units.ts'
import type { AdminFlags } from './flags.ts'

/** A list that is printed as it comes, because it may be long: a head, a line for each entry, and how many they were. */
export class Listing {
  readonly #isJson: boolean
  readonly #terminal: Terminal
  readonly #head: string
  #total = 0

  constructor({ json }: AdminFlags, terminal: Terminal, head: string) {
    this.#isJson = json === true
    this.#terminal = terminal
    this.#head = head
  }

  /** @param entry as `--json` prints it */
  add(entry: object, line: string): void {
    this.#total++
    if (this.#isJson) return this.#terminal.print(JSON.stringify(entry))
    if (this.#total === 1) this.#print(this.#head)
    this.#terminal.print(line)
  }

  end(noun: string): void {
    if (!this.#isJson) this.#print(this.#total === 0 ? `no ${noun}s` : count(this.#total, noun))
  }

  #print(line: string): void {
    this.#terminal.print(paint(this.#terminal.colour.output).dim(line))
  }
}
