/** Emitter counts seconds of 32 bits from years of its own; outside of wire, all moments are unix seconds. */
const EPOCH_2010 = 1_262_304_000

/** 2018-01-01; ids of messages are counted from it. */
export const EPOCH_2018 = 1_514_764_800

const LAST = 0xffff_ffff

/** When a key or licence ends, 0: never. */
export function readExpiry(word: number): number {
  return word === 0 ? 0 : word + EPOCH_2010
}

/** A moment before 2010 becomes its first second and one after 2146 the last: what ends must not become endless. */
export function writeExpiry(expires: number): number {
  return expires === 0 ? 0 : Math.min(Math.max(expires - EPOCH_2010, 1), LAST)
}
