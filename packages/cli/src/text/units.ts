/** Sizes and times as people read them. */

const BYTE_UNITS = ['KiB', 'MiB', 'GiB', 'TiB'] as const

/** `17 B`, `1.2 KiB`, `64 MiB` */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  let value = bytes / 1024
  let unit = 0
  while (value >= 1023.95 && unit < BYTE_UNITS.length - 1) {
    value /= 1024
    unit += 1
  }
  const digits = value < 10 ? value.toFixed(1).replace(/[.]0$/, '') : value.toFixed(0)
  return `${digits} ${BYTE_UNITS[unit] ?? ''}`
}

/** `12 ms`, `0.4 s`, `12 s`, `3 min`, `2 h`, `5 d`; the unit below is not told: an age is an impression. */
export function formatSeconds(seconds: number): string {
  if (seconds < 0.0995) return `${Math.max(0, Math.round(seconds * 1000))} ms`
  if (seconds < 0.95) return `${seconds.toFixed(1)} s`
  if (seconds < 59.5) return `${Math.round(seconds)} s`
  if (seconds < 3570) return `${Math.round(seconds / 60)} min`
  if (seconds < 84_600) return `${Math.round(seconds / 3600)} h`
  return `${Math.round(seconds / 86_400)} d`
}

/** `12:05:09` in local time. */
export function formatTime(date: Date): string {
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':')
}

/** `1 message`, `2 messages` */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
