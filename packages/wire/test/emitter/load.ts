import { loadVectors } from '@halyard/testkit'
import type { Problem } from '../../src/emitter/index.ts'

/** Rows of `vectors/emitter/<name>.json`. */
export function rows(name: string): readonly unknown[] {
  return loadVectors(new URL(`../../../../vectors/emitter/${name}.json`, import.meta.url)).vectors
}

/** The result of a reader that must have taken what it got. */
export function good<Result extends object>(result: Result | Problem): Result {
  if ('problem' in result) throw new Error(result.problem)
  return result
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

/** `zT83oDV0…:3`, contract 287605049, of most vectors. */
export const TL3 = 'PfA8IPA43P8Jm4LfESjJYjzPIUG71uFkvKriYQjI4ZO2ABfHEBE36u13MmpHU5AumxGZKXG5gpKJAdDWmIABAQ:3'
