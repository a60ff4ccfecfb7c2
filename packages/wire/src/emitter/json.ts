/** JSON as Emitter's broker writes and reads it. docs/protocols/emitter.md §2.3 */

const encoder = new TextEncoder()
// A byte order mark is no JSON.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** What the broker escapes beyond JSON's own rules. */
const ESCAPED = /[&<>\u2028\u2029]/g

/** What a client sends: members in the order of the object, those that are `undefined` left out. */
export function writeRequest(request: object): Uint8Array {
  return encoder.encode(JSON.stringify(request))
}

/** What the broker answers: the same, with `&`, `<` and `>` as `\u0026` and so on. */
export function writeAnswer(answer: object): Uint8Array {
  return encoder.encode(JSON.stringify(answer).replace(ESCAPED, escape))
}

function escape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/**
 * The members of a JSON object, as leniently as the broker takes them: names in any case, unknown ones passed over,
 * `null` as if it were not there, and `null` alone as an object without members. A member of another type than the one
 * asked for makes the whole text wrong: {@link Fields.wrong}, to be looked at when all are read.
 */
export class Fields {
  readonly #members: ReadonlyMap<string, unknown>
  /** One for a text and all objects in it. */
  readonly #state: { wrong: boolean }

  private constructor(members: ReadonlyMap<string, unknown>, state: { wrong: boolean }) {
    this.#members = members
    this.#state = state
  }

  /** `undefined` for what is no JSON object: nothing at all, a list, text behind it. Never throws. */
  static read(payload: Uint8Array): Fields | undefined {
    try {
      return Fields.#of(JSON.parse(decoder.decode(payload)), { wrong: false })
    } catch {
      return undefined
    }
  }

  static #of(value: unknown, state: { wrong: boolean }): Fields | undefined {
    if (typeof value !== 'object' || Array.isArray(value)) return undefined
    const members = new Map<string, unknown>()
    for (const [name, member] of Object.entries(value ?? {})) {
      if (member !== null) members.set(name.toLowerCase(), member)
    }
    return new Fields(members, state)
  }

  get wrong(): boolean {
    return this.#state.wrong
  }

  has(name: string): boolean {
    return this.#members.has(name)
  }

  /** All names are given in lower case here. `''` if it is not there. */
  text(name: string): string {
    const value = this.#members.get(name) ?? ''
    return typeof value === 'string' ? value : this.#refuse('')
  }

  flag(name: string): boolean | undefined {
    const value = this.#members.get(name)
    return value === undefined || typeof value === 'boolean' ? value : this.#refuse(undefined)
  }

  /** 0 if it is not there. */
  number(name: string): number {
    const value = this.#members.get(name) ?? 0
    return typeof value === 'number' ? value : this.#refuse(0)
  }

  /** Of 32 bits with sign; 0 if it is not there. */
  int32(name: string): number {
    const value = this.number(name)
    return (value | 0) === value ? value : this.#refuse(0)
  }

  object(name: string): Fields | undefined {
    const value = this.#members.get(name)
    return value === undefined ? undefined : (Fields.#of(value, this.#state) ?? this.#refuse(undefined))
  }

  /** The objects of a list; `[]` if it is not there. */
  list(name: string): Fields[] {
    const value = this.#members.get(name) ?? []
    if (!Array.isArray(value)) return this.#refuse([])
    const items: Fields[] = []
    for (const item of value) items.push(Fields.#of(item, this.#state) ?? this.#refuse(this))
    return items
  }

  /** Texts by name, the names as they were written. */
  texts(name: string): Readonly<Record<string, string>> | undefined {
    const value = this.#members.get(name)
    if (value === undefined) return undefined
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return this.#refuse(undefined)
    const wrong = Object.values(value).some((text) => typeof text !== 'string')
    return wrong ? this.#refuse(undefined) : (value as Record<string, string>)
  }

  #refuse<Instead>(instead: Instead): Instead {
    this.#state.wrong = true
    return instead
  }
}
