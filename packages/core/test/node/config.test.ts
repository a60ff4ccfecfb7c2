import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadConfig, numberSetting, portSetting, readConfigFile, textSetting } from '@halyard/core/node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const settings = {
  cloud_key: textSetting({ secret: true }),
  host: textSetting({ variable: 'HALYARD_SEND_HOST' }),
  port: portSetting(),
  timeout: numberSetting({ least: 0, most: 86_400 }),
}

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'halyard-config-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

async function fileWith(text: string | Uint8Array): Promise<string> {
  const path = join(directory, `${crypto.randomUUID()}.hjson`)
  await writeFile(path, text)
  return path
}

/** The text a person would see. */
async function complaint(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => 'it worked',
    (reason: unknown) => reason,
  )
  return error instanceof Error ? `${(error as { code?: string }).code}: ${error.message}` : String(error)
}

describe('options, environment and file', () => {
  test('the first that names a setting wins, and what nobody names is missing', async () => {
    const file = await fileWith('{\n  // as documented\n  cloud_key: "file"\n  host: from.file\n  port: 3\n}')
    const environment = { HALYARD_SEND_HOST: 'from.environment', HALYARD_PORT: '2' }
    const config = await loadConfig(settings, { options: { port: '1', host: undefined }, environment, file })
    expect(config).toEqual({ cloud_key: 'file', host: 'from.environment', port: 1 })
  })

  test('an empty variable counts as not set', async () => {
    const file = await fileWith('{ host: "from.file" }')
    const config = await loadConfig(settings, { environment: { HALYARD_SEND_HOST: '' }, file })
    expect(config.host).toBe('from.file')
  })

  test('keys that are no setting are left alone, and a prototype is no source', async () => {
    const file = await fileWith('{ devicekey: "12345678", __proto__: { host: "evil" } }')
    expect(await loadConfig(settings, { file })).toEqual({})
  })

  test.each([
    [{ options: { port: '70000' } }, 'port must be a port from 1 to 65535, not 70000 (in the options)'],
    [{ options: { port: '80.5' } }, 'port must be a port from 1 to 65535, not 80.5 (in the options)'],
    [
      { environment: { HALYARD_TIMEOUT: 'soon' } },
      'timeout must be a number from 0 to 86400, not soon (in HALYARD_TIMEOUT)',
    ],
  ])('%j', async (sources, text) => {
    expect(await complaint(loadConfig(settings, sources))).toBe(`ERR_CONFIG_VALUE: ${text}`)
  })

  test('a key that HJSON takes for a number: the text helps and does not show it', async () => {
    const file = await fileWith('{ cloud_key: 1234 }')
    const text = await complaint(loadConfig(settings, { file }))
    expect(text).toBe(
      `ERR_CONFIG_VALUE: cloud_key must be a text that is not empty; put it in quotes, not a number (in ${file})`,
    )
  })
})

describe('a file', () => {
  test('that is not HJSON: the line is told, its content is not', async () => {
    const file = await fileWith('{\n  cloud_id: "abcd"\n  cloud_key: s3cr\n  ]\n}')
    const text = await complaint(readConfigFile(file))
    expect(text).toMatch(/^ERR_CONFIG_FILE: .* is not HJSON: .* at line 4, column \d+$/)
    expect(text).not.toContain('s3cr')
  })

  test.each([
    ['[1, 2]', 'must hold an object: { name: value }'],
    ['just words', 'must hold an object: { name: value }'],
    ['{ a: '.repeat(100_000), 'is not HJSON: it cannot be parsed'],
    [new Uint8Array(1024 * 1024 + 1), 'is larger than a configuration file may be (1 MiB)'],
  ])('that holds something else (%#)', async (content, text) => {
    expect(await complaint(readConfigFile(await fileWith(content)))).toContain(text)
  })

  test('that is not there, or is a directory', async () => {
    const missing = join(directory, 'nowhere.hjson')
    expect(await complaint(readConfigFile(missing))).toBe(
      `ERR_CONFIG_FILE: cannot read the file ${missing}: there is no such file`,
    )
    expect(await complaint(readConfigFile(directory))).toBe(
      `ERR_CONFIG_FILE: cannot read the file ${directory}: it is a directory`,
    )
  })
})
