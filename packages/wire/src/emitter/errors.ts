import { HalyardError } from '../errors.ts'

/** Our own side asked for what Emitter's texts cannot say: the caller must act. Nothing was written. */
export class EmitterEncodeError extends HalyardError {
  override name = 'EmitterEncodeError'
}

/**
 * What is wrong with a text from outside, as a sentence for people. It never quotes the text, which may hold a key. Tell
 * it from a result by `'problem' in result`.
 */
export interface Problem {
  readonly problem: string
}
