import { fits, isServerTopic } from '../domain/topics/filter.ts'
import type { Clock } from '@halyard/core'
import type { HistoryDraft, HistoryWish, KeepWaiter, KeptMessage, MessageHistory } from '../domain/message-history.ts'
import { Ration } from './ration.ts'

const MIB = 1_048_576
/** Messages that are looked at in one turn of the event loop, for all readers: about a millisecond. */
const LOOKS_PER_TURN = 2048
/** One reader's share, while others wait. */
const SLICE = 256
/** What each slice costs besides. */
const ONE_LOOK = 8
/** Fewer that have gone are not worth a copy of those that are there. */
const FEW_GONE = 1024

interface Kept<M> extends Omit<HistoryDraft<M>, 'message'> {
  readonly id: number
  /** Unix ms. */
  readonly at: number
  /** Monotonic ms. */
  readonly expiresAt: number
  /** `undefined`: it has gone. */
  message: M | undefined
}

interface Question extends Omit<HistoryWish, 'before'> {
  readonly space: string
  readonly filter: string
  /** The greatest number that is asked for. */
  readonly newest: number
}

/** A question while it is answered. */
interface Search<M> {
  readonly question: Question
  /** The newest first. */
  readonly found: KeptMessage<M>[]
  /** Of what was found: bytes. */
  size: number
  /** The greatest number that was not looked at. */
  newest: number
  isOver: boolean
}

/**
 * Stored messages in memory. When there are too many the oldest go, expired or not. They are looked through from the newest
 * on, a slice in each turn: a thousand subscriptions that want stored messages keep nobody else waiting.
 */
export class MemoryMessageHistory<M> implements MessageHistory<M> {
  readonly #clock: Pick<Clock, 'now' | 'monotonic'>
  readonly #maxBytes: number
  readonly #ration = new Ration(LOOKS_PER_TURN)
  /** In the order of their numbers, those that have gone among them. */
  #kept: Kept<M>[] = []
  /** All before it have gone. */
  #oldest = 0
  #gone = 0
  #last = 0
  #bytes = 0

  constructor(clock: Pick<Clock, 'now' | 'monotonic'>, maxBytes: number = 64 * MIB) {
    this.#clock = clock
    this.#maxBytes = maxBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  keep(draft: HistoryDraft<M>, waiter: KeepWaiter): number {
    const id = ++this.#last
    const expiresAt = this.#clock.monotonic() + draft.lifetime * 1000
    this.#kept.push({ ...draft, id, at: this.#clock.now(), expiresAt })
    this.#bytes += draft.bytes
    while (this.#bytes > this.#maxBytes) this.#remove(this.#kept[this.#oldest++])
    if (this.#gone > FEW_GONE && this.#gone * 2 > this.#kept.length) this.#close()
    waiter.kept()
    return id
  }

  read(space: string, filter: string, wish: HistoryWish = {}): AsyncIterable<KeptMessage<M>> {
    const { before = Infinity, ...more } = wish
    // Now, not when the first is pulled.
    const question = { space, filter, ...more, newest: Math.min(this.#last, before - 1) }
    return { [Symbol.asyncIterator]: () => this.#answer(question) }
  }

  /** By hand: a generator that looks for the first could not be told that nobody waits for it any more. */
  #answer(question: Question): AsyncIterator<KeptMessage<M>> {
    let isOver = false
    let found: Promise<KeptMessage<M>[]> | undefined
    return {
      next: async () => {
        found ??= this.#find(question, () => !isOver)
        const value = (await found).pop()
        return value === undefined || isOver ? { done: true, value: undefined } : { done: false, value }
      },
      return: () => {
        isOver = true
        return Promise.resolve({ done: true, value: undefined })
      },
    }
  }

  /** The newest first. */
  async #find(question: Question, isWanted: () => boolean): Promise<KeptMessage<M>[]> {
    const { newest, last = Infinity } = question
    const search: Search<M> = { question, found: [], size: 0, newest, isOver: last < 1 }
    while (!search.isOver) await this.#ration.do(() => (isWanted() ? this.#look(search) : end(search)))
    return search.found
  }

  /** One slice of it. Others may have come and gone since the one before. */
  #look(search: Search<M>): number {
    const { question, found } = search
    const { last = Infinity, bytes = Infinity } = question
    const now = this.#clock.monotonic()
    const begin = this.#countUpTo(search.newest)
    const end = Math.max(this.#oldest, begin - SLICE)
    let at = begin
    while (at > end && !search.isOver) {
      const one = this.#kept[--at] as Kept<M>
      if (one.expiresAt <= now) this.#remove(one)
      const { id, channel, message } = one
      if (message === undefined || !isMeant(question, one)) continue
      search.size += one.bytes
      search.isOver = search.size > bytes && found.length > 0
      if (!search.isOver) search.isOver = found.push({ id, channel, at: one.at, message }) >= last
    }
    if (at <= this.#oldest) search.isOver = true
    else search.newest = (this.#kept[at] as Kept<M>).id - 1
    return ONE_LOOK + begin - at
  }

  /** How many numbers are not greater. */
  #countUpTo(newest: number): number {
    let [low, high] = [0, this.#kept.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#kept[middle] as Kept<M>).id <= newest) low = middle + 1
      else high = middle
    }
    return low
  }

  #remove(one: Kept<M> | undefined): void {
    if (one?.message === undefined) return
    one.message = undefined
    this.#bytes -= one.bytes
    this.#gone++
  }

  /** The gaps that those who went have left. */
  #close(): void {
    this.#kept = this.#kept.filter(({ message }) => message !== undefined)
    this.#oldest = 0
    this.#gone = 0
  }
}

function end<M>(search: Search<M>): number {
  search.isOver = true
  return 1
}

function isMeant<M>({ space, filter, from = -Infinity, until = Infinity }: Question, one: Kept<M>): boolean {
  const { channel, at } = one
  if (one.space !== space || at < from || at >= until) return false
  // [MQTT-4.7.2-1]
  return fits(filter, 0, channel, 0) && (!isServerTopic(channel) || isServerTopic(filter))
}
