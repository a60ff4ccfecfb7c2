import { describe, expect, it } from 'vitest'
import { encodeTarget, targetAllows, targetCovers } from '../../src/emitter/index.ts'
import type { KeyTarget } from '../../src/emitter/index.ts'
import { rows } from './load.ts'

const targetOf = (channel: string): KeyTarget => {
  const target = encodeTarget(channel)
  if ('refusal' in target) throw new Error(target.refusal)
  return target
}

describe('a target', () => {
  for (const { channel, path, hash } of rows('targets') as readonly { channel: string; path: string; hash: string }[]) {
    it(`of ${channel} is ${path} ${hash}`, () => {
      expect(targetOf(channel)).toEqual({ path: Number.parseInt(path, 16), hash: Number.parseInt(hash, 16) })
    })
  }
  it('has at most 23 segments and a final #: V46', () => {
    const segments = Array.from({ length: 23 }, (_, i) => i + 1).join('/')
    expect(targetOf(`${segments}/`).path).toBe(0xff_ffff)
    expect(targetOf(`${segments}/#/`).path).toBe(0x7f_ffff)
    expect(encodeTarget(`${segments}/24/`)).toEqual({ refusal: 'target-too-long' })
    expect(encodeTarget(`${segments}/24/#/`)).toEqual({ refusal: 'target-too-long' })
    expect(targetAllows(targetOf(`${segments}/`), `${segments}/`)).toBe(true)
    expect(targetAllows(targetOf(`${segments}/#/`), `${segments}/24/25/`)).toBe(true)
    expect(targetCovers(targetOf(`${segments}/`), `${segments}/24/`)).toBe(false)
  })
  it('ends with a slash', () => {
    for (const channel of ['', 'test', 'a/#']) expect(encodeTarget(channel)).toEqual({ refusal: 'bad-target' })
  })
})

interface MatrixRow {
  readonly target: string
  readonly allows: readonly string[]
  readonly refuses: readonly string[]
}

/** What the original refuses though the target says it, and {@link targetCovers} allows. */
const MENDED: Readonly<Record<string, readonly string[]>> = {
  'a/+/': ['a/b/', 'a/c/', 'a/+/', 'a/b/#/'],
  'a/+/#/': ['a/b/', 'a/c/', 'a/b/c/', 'a/x/c/', 'a/b/c/d/', 'a/+/', 'a/+/c/', 'a/b/#/', 'a/b/+/'],
  '+/#/': [
    ...['a/', 'b/', 'a/b/', 'a/c/', 'a/b/c/', 'a/x/c/', 'a/b/c/d/', 'a/+/', 'a/+/c/'],
    ...['a/#/', 'a/b/#/', '$share/g/a/', 'a/b/+/'],
  ],
}

describe('which target allows which channel', () => {
  for (const { target, allows, refuses } of rows('target-matrix') as readonly MatrixRow[]) {
    it(`${target} as the broker decided`, () => {
      for (const channel of allows) expect(targetAllows(targetOf(target), channel), channel).toBe(true)
      for (const channel of refuses) expect(targetAllows(targetOf(target), channel), channel).toBe(false)
    })
    it(`${target} with + at its end taken at its word`, () => {
      const mended = MENDED[target] ?? []
      for (const channel of allows) expect(targetCovers(targetOf(target), channel), channel).toBe(true)
      for (const channel of refuses) {
        expect(targetCovers(targetOf(target), channel), channel).toBe(mended.includes(channel))
      }
    })
  }
  it('of a key from before there were paths: the first segment and all below', () => {
    const legacy = { ...targetOf('a/'), path: 0 }
    for (const channel of ['a/', 'a/b/', 'a/#/', 'a/+/']) expect(targetAllows(legacy, channel)).toBe(true)
    for (const channel of ['b/', '#/', '+/', '']) expect(targetAllows(legacy, channel)).toBe(false)
    for (const channel of ['b/', 'b/c/', '#/']) expect(targetCovers(legacy, channel)).toBe(false)
  })
  it('of a share group: the text as it stands', () => {
    const shared = '$share/grp/sh/'
    for (const target of [shared, '$share/+/sh/', '#/']) expect(targetAllows(targetOf(target), shared)).toBe(true)
    for (const target of ['sh/', '$share/other/sh/']) expect(targetAllows(targetOf(target), shared)).toBe(false)
  })
})
