/** `accounts.json`: the sample accounts in clear text, for a person to copy. */
import { join } from 'node:path'
import type { Disk } from '@halyard/core/node'
import { readJsonFile, writeFileAtomically } from './files.ts'

/** What `accounts.json` holds. */
export interface Samples {
  readonly hologram?: { readonly cloud_id: string; readonly cloud_key: string }
  readonly console?: { readonly token: string }
  readonly mqtt?: { readonly username: string; readonly password: string }
  readonly emitter?: { readonly license: string; readonly master_key: string; readonly channel_key: string }
}

export type SampleName = keyof Samples

/** The first thing in the directory that tells of a hub which has been ready once. */
export const SAMPLE_FILE = 'accounts.json'

const ADVICE = 'restore it from a backup, or delete it: it only shows the samples, which stay as they are'

/** The file of one data directory. */
export class SampleFile {
  readonly #disk: Disk
  readonly #path: string
  /** One change after the other: two at once would bring back what the first took away. */
  #changing: Promise<unknown> = Promise.resolve()

  constructor(disk: Disk, directory: string) {
    this.#disk = disk
    this.#path = join(directory, SAMPLE_FILE)
  }

  /** `undefined` if somebody has taken the file away. @throws {StorageError} `ERR_HUB_FILE` */
  read(): Promise<Samples | undefined> {
    return readJsonFile(this.#disk, this.#path, parseSamples, ADVICE)
  }

  write(samples: Samples): Promise<void> {
    return writeFileAtomically(this.#disk, this.#path, `${JSON.stringify(samples, null, 2)}\n`)
  }

  /**
   * Takes a sample out of the file. False if it was not in it.
   *
   * @throws {StorageError} `ERR_HUB_FILE`, `ERR_STORE_…`: the file shows it still
   */
  forget<Name extends SampleName>(
    name: Name,
    isMeant: (sample: NonNullable<Samples[Name]>) => boolean,
  ): Promise<boolean> {
    const change = this.#changing.then(async () => {
      const { [name]: sample, ...others } = (await this.read()) ?? {}
      if (sample === undefined || !isMeant(sample)) return false
      await this.write(others)
      return true
    })
    this.#changing = change.catch(() => {})
    return change
  }
}

function parseSamples(value: unknown): Samples | undefined {
  const {
    hologram,
    console: sample,
    mqtt,
    emitter,
  } = value as Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>
  if (hologram && !(isFourCharacters(hologram['cloud_id']) && isFourCharacters(hologram['cloud_key']))) return undefined
  if (sample && typeof sample['token'] !== 'string') return undefined
  if (mqtt && !(typeof mqtt['username'] === 'string' && typeof mqtt['password'] === 'string')) return undefined
  if (emitter && ['license', 'master_key', 'channel_key'].some((name) => typeof emitter[name] !== 'string')) {
    return undefined
  }
  return value as Samples
}

/** What an id and a key of Hologram are: four printable ASCII characters, none of them a space. */
export function isFourCharacters(value: unknown): value is string {
  return typeof value === 'string' && /^[!-~]{4}$/.test(value)
}
