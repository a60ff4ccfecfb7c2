const MAX_ID = 65_535
/** Of the slots of a flow that was not used yet. */
const NO_IDS = new Uint16Array(0)
const NO_STATES = new Uint8Array(0)
const NO_ITEMS: never[] = []

const AWAITS_PUBACK = 1
const AWAITS_PUBREC = 2
const AWAITS_PUBCOMP = 3

/** One message on its way. */
export interface Sent<T> {
  readonly packetId: number
  readonly qos: 1 | 2
  /** PUBREC was received: PUBREL is what is sent again, never the PUBLISH. */
  readonly released: boolean
  readonly item: T
}

/**
 * What a server has in flight to one client (§4.3, §4.4, §4.6, §4.9). No I/O: it says which packet identifier a message
 * gets, and what an acknowledgement means. What is sent again, and when, is the delivery's affair.
 *
 * ```
 * QoS 1   open ──▶ awaits PUBACK ──▶ free
 * QoS 2   open ──▶ awaits PUBREC ──▶ awaits PUBCOMP ──▶ free
 *                        └─PUBREC with a failure (5.0)──▶ free
 * ```
 *
 * A client's is `OutgoingFlow` of `wire/mqtt`; why there are two: docs/decisions/013-a-window-of-its-own.md
 */
export class ServerWindow<T> {
  #window: number
  /** Slot of a packet identifier: `id & mask`. They are given in turn, so two meet only when one is very late. */
  #mask: number
  /** By slot; 0 is free. */
  #ids: Uint16Array = NO_IDS
  #states: Uint8Array = NO_STATES
  #items: (T | undefined)[] = NO_ITEMS
  #last = 0
  #size = 0

  /** `window`: how many may be in flight, at most the peer's Receive Maximum ([MQTT-3.3.4-9]); 1 to 65,535 */
  constructor(window: number) {
    this.#window = window
    this.#mask = maskFor(window)
  }

  /** In flight: sent and not acknowledged to the end. */
  get size(): number {
    return this.#size
  }

  /** How many more may go out now (5.0 §4.9: PUBREC gives no room, PUBACK and PUBCOMP do). */
  get room(): number {
    return this.#window - this.#size
  }

  /** Whether the identifier of this message is not in use ([MQTT-2.2.1-4]): it may be one that is very late. */
  isFree(ordinal: number): boolean {
    return this.#stateOf(packetIdOf(ordinal)) === 0
  }

  /**
   * Which message of its session it is says which identifier it gets, so that nobody has to write that down. The caller
   * has looked at {@link room} and {@link isFree}.
   */
  open(item: T, qos: 1 | 2, ordinal: number): number {
    const id = packetIdOf(ordinal)
    this.#take(id, qos === 1 ? AWAITS_PUBACK : AWAITS_PUBREC, item)
    return id
  }

  /** One that was in flight before the server stopped; those are handed in in their order. */
  restore(item: T, qos: 1 | 2, ordinal: number, released: boolean): void {
    this.#take(packetIdOf(ordinal), qos === 1 ? AWAITS_PUBACK : released ? AWAITS_PUBCOMP : AWAITS_PUBREC, item)
  }

  /** Gives the message that is settled; `undefined`: none of QoS 1 is in flight under this identifier. */
  puback(id: number): T | undefined {
    return this.#stateOf(id) === AWAITS_PUBACK ? this.remove(id) : undefined
  }

  /**
   * `'release'`: answer PUBREL ([MQTT-4.3.3-4]). With a failure (reason code from 0x80) the message is settled, and its
   * identifier free at once. `undefined`: none of QoS 2 is in flight under this identifier.
   */
  pubrec(id: number, hasFailed: boolean): 'release' | 'settled' | undefined {
    const state = this.#stateOf(id)
    if (state === AWAITS_PUBREC && hasFailed) {
      this.remove(id)
      return 'settled'
    }
    if (state !== AWAITS_PUBREC && state !== AWAITS_PUBCOMP) return undefined
    this.#states[id & this.#mask] = AWAITS_PUBCOMP
    return 'release'
  }

  /** Gives the message that is settled; `undefined`: no PUBREL of this identifier is in flight. */
  pubcomp(id: number): T | undefined {
    return this.#stateOf(id) === AWAITS_PUBCOMP ? this.remove(id) : undefined
  }

  get(id: number): T | undefined {
    return this.#stateOf(id) === 0 ? undefined : this.#items[id & this.#mask]
  }

  /** Takes one out whatever its state: it is not to be sent again. */
  remove(id: number): T | undefined {
    if (this.#stateOf(id) === 0) return undefined
    const slot = id & this.#mask
    const item = this.#items[slot]
    this.#ids[slot] = 0
    this.#items[slot] = undefined
    this.#size--
    return item
  }

  /** Everything in flight in the order in which it was first sent ([MQTT-4.6.0-1]), for a session that is resumed. */
  inFlight(): Sent<T>[] {
    const found: Sent<T>[] = []
    if (this.#size === 0) return found
    this.#ids.forEach((packetId, slot) => {
      if (packetId === 0) return
      const state = this.#states[slot]
      const item = this.#items[slot] as T
      found.push({ packetId, qos: state === AWAITS_PUBACK ? 1 : 2, released: state === AWAITS_PUBCOMP, item })
    })
    // Identifiers are given in turn: the oldest is the one that comes next after the last.
    const age = (id: number): number => (id > this.#last ? id : id + MAX_ID)
    return found.toSorted((a, b) => age(a.packetId) - age(b.packetId))
  }

  /** PUBREC was received: PUBREL is what is sent from here on. */
  isReleased(id: number): boolean {
    return this.#stateOf(id) === AWAITS_PUBCOMP
  }

  /** A new connection has another Receive Maximum. What is in flight stays, also if it is more than that. */
  resize(window: number): void {
    this.#window = window
    this.#rebuild(maskFor(window))
  }

  #take(id: number, state: number, item: T): void {
    if (this.#ids.length === 0) this.#allocate()
    // A late one has its slot: with more of them the two have one each.
    while ((this.#ids[id & this.#mask] ?? 0) !== 0) this.#rebuild(2 * this.#mask + 1)
    this.#last = id
    this.#put(id, state, item)
    this.#size++
  }

  #rebuild(mask: number): void {
    const inFlight = this.inFlight()
    this.#mask = mask
    // Slots must not meet for what is in flight now. With 65,536 of them none can, but most often few will do.
    while (haveSlotsInCommon(inFlight, this.#mask)) this.#mask = 2 * this.#mask + 1
    this.#ids = NO_IDS
    this.#states = NO_STATES
    this.#items = NO_ITEMS
    if (inFlight.length === 0) return
    this.#allocate()
    for (const { packetId, qos, released, item } of inFlight) {
      this.#put(packetId, qos === 1 ? AWAITS_PUBACK : released ? AWAITS_PUBCOMP : AWAITS_PUBREC, item)
    }
  }

  #stateOf(id: number): number {
    const slot = id & this.#mask
    return id !== 0 && this.#ids[slot] === id ? (this.#states[slot] ?? 0) : 0
  }

  #put(id: number, state: number, item: T): void {
    const slot = id & this.#mask
    this.#ids[slot] = id
    this.#states[slot] = state
    this.#items[slot] = item
  }

  #allocate(): void {
    this.#ids = new Uint16Array(this.#mask + 1)
    this.#states = new Uint8Array(this.#mask + 1)
    this.#items = []
  }
}

function packetIdOf(ordinal: number): number {
  return 1 + (ordinal % MAX_ID)
}

function haveSlotsInCommon(inFlight: readonly Sent<unknown>[], mask: number): boolean {
  return new Set(inFlight.map(({ packetId }) => packetId & mask)).size < inFlight.length
}

/** Twice as many slots as may be in flight, so that a free one is always near. */
function maskFor(window: number): number {
  let slots = 16
  while (slots < 2 * window && slots <= MAX_ID) slots *= 2
  return slots - 1
}
