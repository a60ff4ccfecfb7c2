import { Numbered } from '../../domain/numbered.ts'
import type { Publication } from '../publication.ts'
import type { Dated } from './boots.ts'

/** With the moment of its record, if its expiry is counted from that. */
export interface KeptPublication {
  readonly publication: Publication
  readonly writtenAt: Dated | undefined
}

/** A message while somebody is owed it. */
interface KeptMessage {
  /** `undefined`: its record comes further on. */
  kept: KeptPublication | undefined
  times: number
}

/** Messages of a journal's records, as long as somebody is owed them. */
export class KeptMessages {
  readonly #messages = new Numbered<KeptMessage>()
  /** Whoever is owed it by a record of his own is so by one of the next. */
  #latest: { readonly message: number; readonly kept: KeptPublication } | undefined
  /** The greatest number that was ever given. */
  last = 0

  hold(message: number): void {
    this.last = Math.max(this.last, message)
    const held = this.#messages.get(message)
    if (held) held.times++
    else {
      const latest = this.#latest?.message === message ? this.#latest.kept : undefined
      this.#messages.set(message, { kept: latest, times: 1 })
    }
  }

  readonly letGo = (message: number): void => {
    const held = this.#messages.get(message)
    if (held && --held.times === 0) this.#messages.delete(message)
  }

  /** Its record, behind those who are owed it by that. */
  came(message: number, kept: KeptPublication): void {
    this.last = Math.max(this.last, message)
    this.moved(message, kept)
    this.#latest = { message, kept }
  }

  moved(message: number, kept: KeptPublication): void {
    const held = this.#messages.get(message)
    if (held) held.kept = kept
  }

  *entries(): Generator<readonly [number, KeptPublication]> {
    for (const [message, { kept }] of this.#messages.entries()) if (kept) yield [message, kept]
  }
}
