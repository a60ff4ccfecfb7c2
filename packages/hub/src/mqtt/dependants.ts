interface One<S> {
  readonly name: string
  readonly session: S
}

/** By name: of a thousand clients with one key nearly all subscribe to the same. */
type Many<S> = Map<string, S | Set<S>>

/**
 * Subscriptions by what they hang on, a key for example, so that its end costs what they are and not what all are. Most
 * keys have one subscription: that is an object of two fields. Only of dialects with `dependsOn`. `S`: sessions.
 */
export class Dependants<S extends object> {
  readonly #held = new Map<string, One<S> | Many<S>>()

  /** Everything that something hangs on. */
  get things(): Iterable<string> {
    return this.#held.keys()
  }

  /** Of one that is there already nothing changes. */
  add(thing: string, name: string, session: S): void {
    const held = this.#held.get(thing)
    if (held === undefined) {
      this.#held.set(thing, { name, session })
      return
    }
    if (held instanceof Map) return addTo(held, name, session)
    if (held.name === name && held.session === session) return
    const many: Many<S> = new Map([[held.name, held.session]])
    addTo(many, name, session)
    this.#held.set(thing, many)
  }

  remove(thing: string, name: string, session: S): void {
    const held = this.#held.get(thing)
    if (held === undefined) return
    if (held instanceof Map) {
      removeFrom(held, name, session)
      if (held.size === 0) this.#held.delete(thing)
    } else if (held.name === name && held.session === session) {
      this.#held.delete(thing)
    }
  }

  /** A copy: each may end meanwhile. */
  of(thing: string): readonly One<S>[] {
    const held = this.#held.get(thing)
    if (held === undefined) return []
    if (!(held instanceof Map)) return [held]
    return Array.from(held).flatMap(([name, sessions]) =>
      sessions instanceof Set ? Array.from(sessions, (session) => ({ name, session })) : { name, session: sessions },
    )
  }
}

function addTo<S extends object>(many: Many<S>, name: string, session: S): void {
  const there = many.get(name)
  if (there instanceof Set) there.add(session)
  else if (there === undefined) many.set(name, session)
  else if (there !== session) many.set(name, new Set([there, session]))
}

function removeFrom<S extends object>(many: Many<S>, name: string, session: S): void {
  const there = many.get(name)
  if (there instanceof Set) {
    there.delete(session)
    if (there.size === 0) many.delete(name)
  } else if (there === session) {
    many.delete(name)
  }
}
