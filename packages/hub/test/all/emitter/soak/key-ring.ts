import type { ModelKey } from './broker-model.ts'
import type { SoakClient } from './soak-client.ts'

/** 0 to below `n`, from a seed: the same every time. */
export type Random = (n: number) => number

export function randomOf(seed: number): Random {
  let state = seed >>> 0
  return (n) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % n
  }
}

export function pick<T>(random: Random, all: readonly T[]): T {
  return all[random(all.length)] as T
}

const LETTERS = ['rwslp', 'rwslp', 'rwp', 'rw', 'rwsl', 'r', 'w', 'rp', 'p', 'sl', 'rwe', 'rwslpe', '']
const TARGETS = [
  ...['#/', '#/', '+/#/', 'a/', 'a/#/', 'a/b/', 'a/b/#/', 'b/#/', 'c/#/', '+/', 'a/+/', 'a/+/c/', '+/b/', '+/+/'],
  ...['$share/g1/a/', '$share/+/a/b/', '$share/g2/b/#/'],
]

/** Every combination of what keys are for, and a few that are for nothing: ended, altered, invented. */
export async function keyRing(control: SoakClient, master: string, random: Random): Promise<ModelKey[]> {
  const keys: ModelKey[] = []
  for (const target of TARGETS) {
    for (const letters of LETTERS) {
      if (random(2) === 0 && letters !== 'rwslp') continue
      keys.push(await makeKey(control, master, target, letters))
    }
  }
  for (let i = 0; i < 5; i++) {
    keys.push({ ...(await makeKey(control, master, '#/', 'rwslp', -10)), state: 'bad' })
    keys.push({ text: altered(pick(random, keys).text, random), target: '#/', letters: 'rwslp', state: 'bad' })
    keys.push({ text: invented(random), target: '#/', letters: 'rwslp', state: 'bad' })
  }
  return keys
}

export async function makeKey(
  control: SoakClient,
  master: string,
  target: string,
  letters: string,
  ttl = 0,
): Promise<ModelKey> {
  const { key, status } = await control.ask('keygen', { key: master, channel: target, type: letters, ttl })
  if (status !== 200) throw new Error(`no key for ${target}`)
  return { text: key as string, target, letters, state: 'good' }
}

/** Its byte of permissions, which no cipher protects. */
function altered(text: string, random: Random): string {
  const bytes = Buffer.from(text, 'base64url')
  bytes[15] = (bytes[15] ?? 0) ^ (1 + random(255))
  return bytes.toString('base64url')
}

function invented(random: Random): string {
  return Buffer.from(Array.from({ length: 24 }, () => random(256))).toString('base64url')
}

const SEGMENTS = ['a', 'b', 'c', 'd']

/** Where something is published: now and then nowhere, since it has a wildcard. */
export function someChannel(random: Random): string {
  const channel = Array.from({ length: 1 + random(3) }, () => pick(random, SEGMENTS)).join('/')
  return random(40) === 0 ? `${channel}/+/` : `${channel}/`
}

/** What somebody subscribes to. */
export function someFilter(random: Random): string {
  const segments = Array.from({ length: 1 + random(3) }, () => (random(4) === 0 ? '+' : pick(random, SEGMENTS)))
  if (random(6) === 0) segments.push('#')
  if (random(40) === 0) return '#/'
  if (random(6) === 0) segments.unshift('$share', pick(random, ['g1', 'g2']))
  return `${segments.join('/')}/`
}

/** A key that is for the channel more often than chance would have it. */
export function keyFor(random: Random, keys: readonly ModelKey[], channel: string, letter: string): ModelKey {
  for (let i = 0; i < 6; i++) {
    const key = pick(random, keys)
    const first = channel.split('/', 1)[0]
    const meets = key.target.startsWith('#') || key.target.startsWith('+') || key.target.startsWith(`${first}/`)
    if (meets && key.letters.includes(letter)) return key
  }
  return pick(random, keys)
}
