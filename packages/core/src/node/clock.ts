import { readFileSync } from 'node:fs'
import { hrtime } from 'node:process'
import { setUnreferencedTimer, systemClock } from '../clock.ts'
import type { Clock } from '../clock.ts'

/**
 * The machine's clocks. On Linux `hrtime` is CLOCK_MONOTONIC, which all processes of one boot share, and the kernel
 * names the boot; elsewhere every process counts as a boot of its own, and ages across processes go by the wall clock.
 */
export function nodeClock(): Clock {
  const bootId = linuxBootId()
  if (bootId === undefined) return systemClock()
  // `performance.now()` is the same clock, counted from the start of the process, and makes no BigInt.
  const offset = Number(hrtime.bigint()) / 1e6 - performance.now()
  return {
    now: () => Date.now(),
    monotonic: () => performance.now() + offset,
    bootId,
    setTimer: setUnreferencedTimer,
  }
}

/** The kernel's name for this boot, `undefined` where there is none. */
export function linuxBootId(): string | undefined {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return undefined
  }
}
