/** `halyard send --lines`: each line of standard input is a message, and there may be more of them than of memory. */
import { UsageError } from '@halyard/core'
import type { HalyardError } from '@halyard/core'
import type { Context } from '../context.ts'
import { describeFailure, exitCodeOf } from '../failure.ts'
import { Interruption } from '../interrupt.ts'
import { MAX_MESSAGE } from '../read-all.ts'
import { StatusLine } from '../status-line.ts'
import type { Output } from '../status-line.ts'
import { paint } from '../text/paint.ts'
import { count, formatBytes, formatSeconds } from '../text/units.ts'
import { Courier } from './courier.ts'
import { sayInterrupted, sayOlder } from './farewell.ts'
import type { SendFlags } from './flags.ts'
import { topicsOf } from './messages.ts'
import { Tally, printOutcome } from './report.ts'
import type { Outcome } from './report.ts'
import { readTarget } from './settings.ts'
import type { Target } from './settings.ts'
import { splitLines } from './split-lines.ts'
import type { Line } from './split-lines.ts'
import { Window } from './window.ts'

/** On its way at once: an outbox on disk writes as many with one turn of the disk. */
const WINDOW = 256
const WINDOW_BYTES: number = MAX_MESSAGE
/** What the outbox may hold before the reading waits: what an outbox takes by default, less what is on its way. */
const MAX_QUEUED = 10_000 - WINDOW
const MAX_QUEUED_BYTES: number = 64 * 1024 * 1024 - WINDOW_BYTES

export async function sendLines(given: readonly string[], flags: SendFlags, context: Context): Promise<number> {
  const { terminal } = context
  if (given.length > 0) {
    throw new UsageError(
      'ERR_USAGE',
      '--lines reads the messages from standard input; leave out those in the arguments',
    )
  }
  const target = await readTarget(flags, terminal.environment)
  const kind = { name: 'message', topics: topicsOf(flags) } as const
  await using courier = await Courier.open(target, kind, context)
  await courier.check('')
  using interruption = new Interruption(terminal)
  const run = new Run(courier, new Tally(target, kind), flags.json === true)
  using output = new StatusLine(terminal, () =>
    interruption.signal.aborted ? 'ending: what is on the wire finishes first' : run.describe(),
  )
  interruption.signal.addEventListener('abort', () => {
    run.stop()
    void courier.close()
  })
  await run.read(terminal.input.bytes({ signal: run.stopped }), output)
  if (interruption.exitCode === undefined) await courier.drain()
  await courier.close()
  const isInterrupted = interruption.exitCode !== undefined
  run.summarise(output, isInterrupted)
  sayOlder(courier.olderDelivered, output)
  if (interruption.exitCode === undefined) return run.exitCode
  sayInterrupted(run.tally, courier.outbox.depth, output)
  return interruption.exitCode
}

/** One reading of standard input. */
class Run {
  readonly tally: Tally
  readonly #courier: Courier
  readonly #target: Target
  readonly #json: boolean
  readonly #window = new Window<Outcome>(WINDOW, WINDOW_BYTES)
  readonly #stop = new AbortController()
  readonly #began = performance.now()
  #bytes = 0
  /** What was read behind it was not taken: where to go on after an interrupt. */
  #lastLine = 0
  #code = 0
  /** The first line that was not sent, and for good. */
  #stoppedAt: number | undefined

  constructor(courier: Courier, tally: Tally, json: boolean) {
    this.#courier = courier
    this.tally = tally
    this.#target = tally.target
    this.#json = json
  }

  /** Fires when no more lines are wanted. */
  get stopped(): AbortSignal {
    return this.#stop.signal
  }

  get exitCode(): number {
    const { refusedLater } = this.#courier
    return Math.max(this.#code, this.tally.exitCode, refusedLater > 0 ? 1 : 0)
  }

  stop(): void {
    this.#stop.abort()
  }

  /** Hands over line by line until the end, or until there is no point in going on. */
  async read(input: AsyncIterable<Uint8Array>, output: Output): Promise<void> {
    try {
      for await (const line of splitLines(input, MAX_MESSAGE)) {
        await this.#window.room(line.bytes.length)
        await this.#roomInOutbox(output)
        if (this.stopped.aborted) break
        this.#bytes += line.bytes.length
        this.#lastLine = line.number
        this.#window.add(line.bytes.length, this.#courier.hand(line.bytes), (settled) =>
          this.#onSettled(line, settled, output),
        )
      }
    } catch (error) {
      this.#fail(error, output)
    }
    await this.#window.empty()
  }

  describe(): string {
    const { tally } = this
    const seconds = (performance.now() - this.#began) / 1000
    const sent = tally.sent + this.#courier.deliveredLater
    const { depth } = this.#courier.outbox
    const parts = [
      `${count(sent, 'message')} sent`,
      `${formatBytes(this.#bytes)} read`,
      `${Math.round(sent / seconds)}/s`,
      ...(tally.refused > 0 ? [`${tally.refused} refused`] : []),
      ...(depth > 0 ? [`${depth} queued`] : []),
      formatSeconds(seconds),
    ]
    return parts.join(' · ')
  }

  summarise(output: Output, isInterrupted: boolean): void {
    const { tally } = this
    const { deliveredLater, refusedLater } = this.#courier
    const { red, green } = paint(output.colour.error)
    const waiting = tally.waiting - deliveredLater - refusedLater
    const refused = tally.refused + refusedLater
    const later = deliveredLater > 0 ? ` (${deliveredLater} of them after waiting)` : ''
    const took = formatSeconds((performance.now() - this.#began) / 1000)
    const parts = [
      `${count(tally.sent + deliveredLater, 'message')} sent${later}`,
      ...(refused > 0 ? [`${refused} refused`] : []),
      ...(waiting > 0 ? [`${waiting} ${this.#target.outbox === undefined ? 'not sent' : 'queued'}`] : []),
    ]
    const stopped = this.#stoppedAt === undefined ? '' : `; stopped at line ${this.#stoppedAt}`
    const end = isInterrupted ? `; line ${this.#lastLine} was the last one taken` : stopped
    const name = this.exitCode === 0 ? green('halyard:') : red('halyard:')
    output.error(`${name} ${parts.join(', ')} in ${took}${end}`)
    tally.sayRefused(output)
    if (!isInterrupted) tally.sayWaiting(output, waiting)
  }

  /** A pipe that is not read from makes its writer wait: what the outbox cannot keep is not taken. */
  async #roomInOutbox(output: Output): Promise<void> {
    const { outbox } = this.#courier
    const isFull = (): boolean =>
      !this.stopped.aborted && (outbox.depth >= MAX_QUEUED || outbox.bytes >= MAX_QUEUED_BYTES)
    if (!isFull()) return
    const { yellow } = paint(output.colour.error)
    const held = `${count(outbox.depth, 'message')}, ${formatBytes(outbox.bytes)}`
    output.error(`${yellow('halyard:')} the outbox is full (${held}): standard input waits until some have gone out`)
    while (isFull()) await this.#change()
  }

  /** Until something leaves the outbox, or the reading is stopped. Keeps the process alive. */
  #change(): Promise<void> {
    const { outbox } = this.#courier
    return new Promise((resolve) => {
      const alive = setInterval(() => {}, 2 ** 30)
      const done = (): void => {
        clearInterval(alive)
        outbox.off('delivered', done).off('dropped', done)
        this.stopped.removeEventListener('abort', done)
        resolve()
      }
      outbox.on('delivered', done).on('dropped', done)
      this.stopped.addEventListener('abort', done)
    })
  }

  #onSettled({ number }: Line, settled: PromiseSettledResult<Outcome>, output: Output): void {
    if (settled.status === 'rejected') {
      this.tally.failed += 1
      return this.#onRejected(number, settled.reason, output)
    }
    const { value } = settled
    this.tally.add(value)
    printOutcome(value, this.#target, this.#json, output, number)
    // The next lines would fare no better, and a log must not be written into nothing.
    const isLost = value.result.buffered && this.#target.outbox === undefined
    if (isLost || value.result.name === 'ERR_AUTHINVALID') this.#endAt(number)
  }

  #onRejected(number: number, error: unknown, output: Output): void {
    // What was handed over while the command ended is told as a number.
    if (this.stopped.aborted) return
    const { red } = paint(output.colour.error)
    this.#code = Math.max(this.#code, 1)
    // One line that cannot be sent, because it is not UTF-8 for instance, is no reason to lose those behind it.
    const isItsOwn = (error as Partial<HalyardError>).code === 'ERR_HOLOGRAM_MESSAGE'
    output.error(`${red('halyard:')} line ${number}: ${describeFailure(error)}`)
    if (!isItsOwn) this.#endAt(number)
  }

  #fail(error: unknown, output: Output): void {
    output.error(`${paint(output.colour.error).red('halyard:')} ${describeFailure(error)}`)
    this.#code = Math.max(this.#code, exitCodeOf(error))
    this.stop()
  }

  #endAt(number: number): void {
    this.#stoppedAt ??= number
    this.stop()
  }
}
