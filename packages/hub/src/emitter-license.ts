/** Under which licence the hub makes and reads Emitter's keys. */
import { readFile } from 'node:fs/promises'
import { UsageError, describeError } from '@halyard/core'
import { keyCodec, parseLicense } from '@halyard/wire/emitter'
import type { KeyCodec, License } from '@halyard/wire/emitter'

export interface EmitterLicense {
  readonly license: License
  readonly codec: KeyCodec
  /** As it was given. */
  readonly text: string
}

/**
 * A licence of any version, or `@` and the path of a file that holds one.
 *
 * @throws {UsageError} `ERR_HUB_EMITTER_LICENSE`
 */
export async function openLicense(given: string): Promise<EmitterLicense> {
  const text = (given.startsWith('@') ? await readLicense(given.slice(1)) : given).trim()
  const license = parseLicense(text)
  const codec = 'problem' in license ? license : keyCodec(license)
  if ('problem' in license) throw badLicense(license.problem)
  if ('problem' in codec) throw badLicense(codec.problem)
  return { license, codec, text }
}

async function readLicense(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new UsageError('ERR_HUB_EMITTER_LICENSE', `the licence of Emitter cannot be read: ${describeError(cause)}`, {
      cause,
    })
  }
}

/** The text is a secret: it is not shown. */
function badLicense(problem: string): UsageError {
  return new UsageError('ERR_HUB_EMITTER_LICENSE', `emitterLicense (--emitter-license) cannot be used: ${problem}`)
}
