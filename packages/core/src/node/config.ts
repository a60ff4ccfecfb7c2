/** Configuration from options, from the environment (`HALYARD_…`) and from an HJSON file: the first that names a setting wins. */
import { open } from 'node:fs/promises'
import { UsageError, describeError } from '../errors.ts'
import { errnoOf } from './storage-error.ts'

/** What one setting may be. */
export interface Setting<T> {
  /** Completes "… must be": `a port from 1 to 65535`. */
  readonly expected: string
  /** Options and variables give texts, a file gives any JSON value; `undefined`: it does not fit. */
  read(value: unknown): T | undefined
  /** The variable that holds it; `HALYARD_` and its name in capitals. */
  readonly variable?: string
  /** Its value is never repeated in an error. */
  readonly secret?: boolean
}

export type Settings = Readonly<Record<string, Setting<unknown>>>

/** What was found; what nobody named is missing. */
export type Config<S extends Settings> = { readonly [K in keyof S]?: S[K] extends Setting<infer T> ? T : never }

export interface ConfigSources {
  /** As the user gave them; `undefined` counts as not given. */
  readonly options?: Readonly<Record<string, unknown>>
  /** `process.env`; an empty variable counts as not set. */
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** Path of an HJSON file; keys that are no setting are left alone. */
  readonly file?: string | undefined
}

/** More than any configuration has. */
const MAX_FILE_BYTES = 1024 * 1024

/**
 * Looks each setting up in the options, then in the environment, then in the file, and checks what it finds.
 *
 * @example
 * ```ts
 * import { loadConfig, portSetting, textSetting } from '@halyard/core/node'
 * const settings = { host: textSetting(), port: portSetting() }
 * const config = await loadConfig(settings, { options: { host: 'localhost' }, environment: { HALYARD_PORT: '9999' } })
 * console.log(config.host, config.port) // localhost 9999
 * ```
 *
 * @throws {UsageError} `ERR_CONFIG_FILE`, `ERR_CONFIG_VALUE`
 */
export async function loadConfig<const S extends Settings>(settings: S, sources: ConfigSources): Promise<Config<S>> {
  const { options = {}, environment = {}, file } = sources
  const content = file === undefined ? {} : await readConfigFile(file)
  const config: Record<string, unknown> = {}
  for (const [name, setting] of Object.entries(settings)) {
    const variable = setting.variable ?? `HALYARD_${name.toUpperCase()}`
    const found = [
      { value: own(options, name), origin: 'in the options' },
      { value: own(environment, variable) || undefined, origin: `in ${variable}` },
      { value: own(content, name), origin: `in ${file ?? ''}` },
    ].find(({ value }) => value !== undefined)
    if (found === undefined) continue
    const value = setting.read(found.value)
    if (value === undefined) throw wrongValue(name, setting, found.value, found.origin)
    config[name] = value
  }
  return config as Config<S>
}

/**
 * Reads a file that holds one HJSON object.
 *
 * @throws {UsageError} `ERR_CONFIG_FILE`: not there, not readable, too large, not HJSON (with the line), not an object.
 */
export async function readConfigFile(path: string): Promise<Readonly<Record<string, unknown>>> {
  return parseConfigText(await readText(path), path)
}

/**
 * The object that an HJSON text holds. `path` is for the error alone.
 *
 * @throws {UsageError} `ERR_CONFIG_FILE`
 */
export async function parseConfigText(text: string, path: string): Promise<Readonly<Record<string, unknown>>> {
  // Loaded here because most programs have no file, and all of them pay for imports.
  // @ts-expect-error -- the package has no types
  const { default: hjson } = (await import('hjson')) as { default: { parse(text: string): unknown } }
  let value: unknown
  try {
    value = hjson.parse(text)
  } catch (error) {
    // No cause: the parser's message quotes a piece of the file, which may be a key.
    throw new UsageError('ERR_CONFIG_FILE', `${path} is not HJSON: ${describeSyntax(error)}`)
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new UsageError('ERR_CONFIG_FILE', `${path} must hold an object: { name: value }`)
}

/** A text that is not empty. */
export function textSetting(options: Pick<Setting<string>, 'variable' | 'secret'> = {}): Setting<string> {
  return {
    expected: 'a text that is not empty; put it in quotes',
    read: (value) => (typeof value === 'string' && value !== '' ? value : undefined),
    ...options,
  }
}

/** A number, or a text that is one. */
export function numberSetting(
  options: Pick<Setting<number>, 'variable'> & { readonly least: number; readonly most: number },
): Setting<number> {
  const { least, most, variable } = options
  return {
    expected: `a number from ${least} to ${most}`,
    read(value) {
      const number = typeof value === 'string' && /^\s*[\d.]+\s*$/.test(value) ? Number(value) : value
      return typeof number === 'number' && number >= least && number <= most ? number : undefined
    },
    ...(variable !== undefined && { variable }),
  }
}

/** A TCP port; `least: 0` where 0 stands for a free one. */
export function portSetting(options: { readonly variable?: string; readonly least?: 0 | 1 } = {}): Setting<number> {
  const { least = 1, variable } = options
  const number = numberSetting({ least, most: 65_535, variable })
  return {
    ...number,
    expected: `a port from ${least} to 65535`,
    read(value) {
      const port = number.read(value)
      return Number.isInteger(port) ? port : undefined
    },
  }
}

function own<T>(object: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined
}

function wrongValue(name: string, setting: Setting<unknown>, value: unknown, origin: string): UsageError {
  const isPlain = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
  const shown = isPlain && value !== '' && setting.secret !== true ? String(value) : kindOf(value)
  return new UsageError('ERR_CONFIG_VALUE', `${name} must be ${setting.expected}, not ${shown} (${origin})`)
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'string') return value === '' ? 'an empty one' : 'this text'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

async function readText(path: string): Promise<string> {
  try {
    const file = await open(path, 'r')
    try {
      const bytes = Buffer.alloc(MAX_FILE_BYTES + 1)
      let size = 0
      for (let read = -1; read !== 0 && size < bytes.length; size += read) {
        read = (await file.read(bytes, size, bytes.length - size)).bytesRead
      }
      if (size <= MAX_FILE_BYTES) return bytes.toString('utf8', 0, size)
    } finally {
      await file.close()
    }
  } catch (cause) {
    throw new UsageError('ERR_CONFIG_FILE', `cannot read the file ${path}: ${describeRead(cause)}`, { cause })
  }
  throw new UsageError('ERR_CONFIG_FILE', `${path} is larger than a configuration file may be (1 MiB)`)
}

function describeRead(error: unknown): string {
  switch (errnoOf(error)) {
    case 'ENOENT':
      return 'there is no such file'
    case 'EACCES':
    case 'EPERM':
      return 'no permission; give this user the right to read it'
    case 'EISDIR':
      return 'it is a directory'
    default:
      return describeError(error)
  }
}

/** What is wrong and where, without the quotation. */
function describeSyntax(error: unknown): string {
  const [, what, line, column] = /^(.*?) at line (\d+),(\d+)/s.exec(describeError(error)) ?? []
  return what === undefined ? 'it cannot be parsed' : `${what} at line ${line}, column ${column}`
}
