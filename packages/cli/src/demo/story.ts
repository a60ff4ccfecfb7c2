/** What has happened so far: the facts that the live view draws and the plain view tells. No clock, no I/O. */
import { count, formatSeconds } from '../text/units.ts'

export interface Arrival {
  readonly at: Date
  readonly text: string
  /** seconds between measuring and arriving, if it waited */
  readonly waited: number
  /** Somebody else's than the sensor's. */
  readonly isGuest: boolean
}

export interface Happening {
  readonly at: Date
  readonly kind: 'good' | 'bad' | 'note'
  readonly text: string
}

/** What happens, in the words of those to whom it happens. */
export interface StoryEvents {
  onArrival?(arrival: Arrival): void
  onHappening?(happening: Happening): void
}

const KEPT = 200
/** Whatever takes longer has waited. */
const WAITED = 1

export class Story {
  readonly #events: StoryEvents
  readonly #queued = new Set<string>()
  readonly #fromBefore = new Set<string>()
  #cutAt: Date | undefined
  #backAt: Date | undefined
  #backlog = 0
  #backlogAt: Date | undefined
  #queuedThisTime = 0
  /** messages the sensor has handed over */
  sent = 0
  /** … that were acknowledged, at once or later */
  acknowledged = 0
  /** … of those from an earlier run */
  earlier = 0
  /** … that waited in the outbox first */
  later = 0
  /** the newest last */
  readonly arrivals: Arrival[] = []
  readonly happenings: Happening[] = []

  constructor(events: StoryEvents = {}) {
    this.#events = events
  }

  /** Since when the link is down. */
  get cutSince(): Date | undefined {
    return this.#cutAt
  }

  /** Messages that were found on disk at the start and have not gone out yet. */
  get fromBefore(): number {
    return this.#fromBefore.size
  }

  /** What waits now. */
  get depth(): number {
    return this.#queued.size
  }

  foundBacklog(ids: readonly string[], at: Date): void {
    if (ids.length === 0) return
    for (const id of ids) {
      this.#fromBefore.add(id)
      this.#queued.add(id)
    }
    this.#backlog = ids.length
    this.#backlogAt = at
    this.#happened(at, 'note', `${count(ids.length, 'message')} of an earlier run found on disk: sending now`)
  }

  handedOver(): void {
    this.sent += 1
  }

  queued(id: string): void {
    this.#queued.add(id)
    this.#queuedThisTime += 1
  }

  delivered(id: string, at: Date): void {
    this.acknowledged += 1
    if (!this.#queued.delete(id)) return
    this.later += 1
    const isEarlier = this.#fromBefore.delete(id)
    if (isEarlier) this.earlier += 1
    if (isEarlier && this.#fromBefore.size === 0 && this.#backlogAt !== undefined) {
      const took = secondsBetween(this.#backlogAt, at)
      this.#happened(
        at,
        'good',
        `the ${count(this.#backlog, 'message')} of the earlier run arrived, in ${formatSeconds(took)}`,
      )
    }
    this.#considerCaughtUp(at)
  }

  refused(id: string, reason: string, at: Date): void {
    this.#queued.delete(id)
    this.#happened(at, 'bad', `a message was dropped: ${reason}`)
  }

  linkCut(at: Date, byHand: boolean): void {
    this.#cutAt = at
    this.#backAt = undefined
    this.#queuedThisTime = 0
    this.#happened(at, 'bad', byHand ? 'you pulled the cable' : 'the link is cut')
  }

  linkBack(at: Date): void {
    const cutAt = this.#cutAt ?? at
    this.#cutAt = undefined
    this.#backAt = at
    const waiting = this.depth === 0 ? 'nothing waits' : `${this.depth} queued on disk`
    this.#happened(at, 'note', `the link is back after ${formatSeconds(secondsBetween(cutAt, at))}: ${waiting}`)
    this.#considerCaughtUp(at)
  }

  arrived(text: string, at: Date, options: { readonly measuredAt?: Date | undefined } = {}): void {
    const { measuredAt } = options
    const age = measuredAt === undefined ? 0 : secondsBetween(measuredAt, at)
    const arrival = { at, text, waited: age >= WAITED ? age : 0, isGuest: measuredAt === undefined }
    keep(this.arrivals, arrival)
    this.#events.onArrival?.(arrival)
  }

  note(kind: Happening['kind'], text: string, at: Date): void {
    this.#happened(at, kind, text)
  }

  #considerCaughtUp(at: Date): void {
    if (this.#backAt === undefined || this.depth > 0) return
    const took = secondsBetween(this.#backAt, at)
    this.#backAt = undefined
    if (this.#queuedThisTime === 0) return
    this.#happened(
      at,
      'good',
      `caught up in ${formatSeconds(took)}: ${count(this.#queuedThisTime, 'message')}, none lost`,
    )
    this.#queuedThisTime = 0
  }

  #happened(at: Date, kind: Happening['kind'], text: string): void {
    const happening = { at, kind, text }
    keep(this.happenings, happening)
    this.#events.onHappening?.(happening)
  }
}

function keep<T>(list: T[], item: T): void {
  list.push(item)
  if (list.length > KEPT) list.shift()
}

function secondsBetween(from: Date, to: Date): number {
  return Math.max(0, (to.getTime() - from.getTime()) / 1000)
}
