/**
 * Time as a port. Clocks lie (a Raspberry Pi without a battery starts in 1970 and jumps when NTP answers), so ages are
 * measured on the monotonic clock, and a monotonic reading is only ever compared with one of the same boot.
 */
export interface Clock {
  /** Wall clock, milliseconds since 1970-01-01 UTC. May be wrong, may jump. */
  now(): number
  /** Milliseconds since a fixed point of this boot; never goes back, not even between two processes of one boot. */
  monotonic(): number
  /** Names the boot that `monotonic()` belongs to. */
  readonly bootId: string
  /** Calls back once after so many milliseconds. A timer never keeps the process alive. */
  setTimer(milliseconds: number, callback: () => void): Timer
}

export interface Timer {
  cancel(): void
}

/** A moment, written down so that its age can be told later, also by another process or after a reboot. */
export interface Moment {
  /** `Clock.now()` */
  readonly wall: number
  /** `Clock.monotonic()` */
  readonly monotonic: number
  readonly bootId: string
}

/** Longest time for which a difference of wall clocks across a reboot is believed: ten years. */
const MAX_PLAUSIBLE_AGE = 10 * 365 * 86_400_000
/** No Halyard wrote anything before 2024-01-01: a clock that says so has not been set yet. */
const FIRST_PLAUSIBLE_TIME = Date.UTC(2024, 0, 1)
/** setTimeout takes a signed 32-bit number of milliseconds; longer waits are cut to it by whoever sets them. */
const MAX_TIMER: number = 2 ** 31 - 1

export function momentOf(clock: Clock): Moment {
  return { wall: clock.now(), monotonic: clock.monotonic(), bootId: clock.bootId }
}

/**
 * Milliseconds since `moment`. Within a boot the monotonic clock decides. Across boots the wall clocks do, if their
 * difference is plausible; if it is not, the time before this boot is unknown and counts as none.
 */
export function ageOf(moment: Moment, clock: Clock): number {
  if (moment.bootId === clock.bootId) return Math.max(0, clock.monotonic() - moment.monotonic)
  const age = clock.now() - moment.wall
  const plausible = moment.wall >= FIRST_PLAUSIBLE_TIME && age >= 0 && age <= MAX_PLAUSIBLE_AGE
  return plausible ? age : Math.max(0, clock.monotonic())
}

/** The clock of the JavaScript engine: `performance.now()` and a boot id of its own for every page or process. */
export function systemClock(): Clock {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    bootId: randomBootId(),
    setTimer: setUnreferencedTimer,
  }
}

/** `setTimeout` that does not keep a Node process alive; a page has no such notion. */
export function setUnreferencedTimer(milliseconds: number, callback: () => void): Timer {
  const handle: unknown = setTimeout(callback, Math.min(milliseconds, MAX_TIMER))
  if (typeof handle === 'object' && handle !== null && 'unref' in handle && typeof handle.unref === 'function') {
    handle.unref()
  }
  return { cancel: () => clearTimeout(handle as number) }
}

/** Only to be another one than that of other processes: `crypto` would cost a start under Node.js 2 ms. */
function randomBootId(): string {
  return `${Math.random().toString(16).slice(2)}${Math.random().toString(16).slice(2)}`
}
