import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseConfigText } from '@halyard/core/node'
import { DEFAULT_CONFIG, checkConfig, readConfig } from '../src/config.ts'
import type { HubConfig } from '../src/config.ts'
import { resolveOptions } from '../src/options.ts'
import type { CheckedOptions, HubOptions } from '../src/options.ts'
import { temporaryDirectory } from './support.ts'

const parseConfig = async (text: string, path: string): Promise<HubConfig> =>
  checkConfig(await parseConfigText(text, path), path)

const problem = async (text: string, code = 'ERR_HUB_CONFIG'): Promise<string> => {
  try {
    await parseConfig(text, 'hub.hjson')
  } catch (error) {
    expect(error).toMatchObject({ name: 'UsageError', code })
    return (error as Error).message
  }
  throw new Error(`was taken: ${text}`)
}

describe('the configuration file', () => {
  it('is HJSON, and changes what it names', async () => {
    const config = await parseConfig(
      `{
        // a slow link
        hologram: { limits: { messageTimeout: 120.5 } }
        history: { maxAge: 86400 }
      }`,
      'hub.hjson',
    )
    expect(config.hologram.limits).toEqual({ ...DEFAULT_CONFIG.hologram.limits, messageTimeout: 120.5 })
    expect(config.history).toEqual({ maxAge: 86_400, maxBytes: 1024 ** 3 })
    expect(config.front).toEqual(DEFAULT_CONFIG.front)
    expect(await parseConfig('{}', 'hub.hjson')).toEqual(DEFAULT_CONFIG)
  })

  it.each([
    ['{ hologram: { limits: { conections: 5 } } }', 'unknown key hologram.limits.conections'],
    ['{ journal: { commitInterval: 11 } }', 'journal.commitInterval must be at most 10, not 11'],
    ['{ disk: { maxBytes: 5 } }', 'disk.maxBytes must be at least 67108864, not 5'],
    ['{ hollogram: {} }', 'unknown key hollogram'],
    ['{ hologram: { limits: { connections: "many" } } }', 'hologram.limits.connections must be a number, not a text'],
    ['{ hologram: { limits: { connections: 1.5 } } }', 'hologram.limits.connections must be a whole number, not 1.5'],
    ['{ hologram: { limits: { connections: 0 } } }', 'hologram.limits.connections must be at least 1, not 0'],
    ['{ front: { limits: { firstByteTimeout: 0 } } }', 'front.limits.firstByteTimeout must be more than 0, not 0'],
    [
      '{ front: { limits: { requestTimeout: 5000000 } } }',
      'front.limits.requestTimeout must be at most 86400, not 5000000',
    ],
    ['{ front: 1 }', 'front must be an object { … }, not 1'],
    ['{ tls: { cert: a.pem\n } }', 'tls.key is missing'],
    [
      '{ hologram: { sms: { webhook: { url: "ftp://user:secret@host/" } } } }',
      'hologram.sms.webhook.url must be an address that begins with http:// or https://, not a text',
    ],
    [
      '{ hologram: { sms: { webhook: { url: "http://" } } } }',
      'hologram.sms.webhook.url must be an address that begins with http:// or https://, not a text',
    ],
    [
      '{ hologram: { sms: { webhook: { url: "http://user:%zz@host/" } } } }',
      'hologram.sms.webhook.url must be an address that begins with http:// or https://, not a text',
    ],
    ['{ hologram: { sms: { webhook: {} } } }', 'hologram.sms.webhook.url is missing'],
    ['{ hologram: { sms: { file: "" } } }', 'hologram.sms.file must be a text that is not empty, not a text'],
    ['{ ports: { front: 70000 } }', 'ports.front must be at most 65535, not 70000'],
    ['{ ports: { mqtt: 70000 } }', 'ports.mqtt must be at most 65535, not 70000'],
    ['{ ports: { web: 80 } }', 'unknown key ports.web'],
    [
      '{ mqtt: { limits: { overflow: panic\n } } }',
      'mqtt.limits.overflow must be drop-oldest, drop-newest, expire-session or reject, not a text',
    ],
    [
      '{ mqtt: { overflow: { ann: reject\n constructor: panic\n } } }',
      'mqtt.overflow.constructor must be drop-oldest, drop-newest, expire-session or reject, not a text',
    ],
    ['{ mqtt: { overflow: reject\n } }', 'mqtt.overflow must be an object { … }, not a text'],
    ['{ mqtt: { overflow: [] } }', 'mqtt.overflow must be an object { … }, not a list'],
    [
      `{ mqtt: { overflow: { ${Array.from({ length: 10_001 }, (_, i) => `a${i}: "reject"`).join(', ')} } } }`,
      'mqtt.overflow has more names than 10000',
    ],
    ['{ data: "" }', 'data must be a text that is not empty, not a text'],
    ['{ host: 5 }', 'host must be a text, not 5'],
    ['{ tls: null }', 'tls must be an object { … }, not null'],
  ])('%.100s', async (text, expected) => {
    expect(await problem(text)).toBe(`hub.hjson: ${expected}; docs/guide/hub.md lists all keys`)
  })

  it('fills in what a webhook leaves out', async () => {
    const { hologram } = await parseConfig('{ hologram: { sms: { webhook: { url: "https://a.example/in" } } } }', 'x')
    const webhook = { url: 'https://a.example/in', timeout: 10, maxAge: 86_400, queued: 10_000 }
    expect(hologram.sms).toEqual({ webhook })
  })

  it('has a policy for each account that is named', async () => {
    const text = '{ mqtt: { overflow: { ann: reject\n "a b.c": drop-newest\n toString: expire-session\n } } }'
    const { overflow, limits } = (await parseConfig(text, 'x')).mqtt
    expect([...overflow]).toEqual([
      ['ann', 'reject'],
      ['a b.c', 'drop-newest'],
      ['toString', 'expire-session'],
    ])
    expect(limits).toEqual(DEFAULT_CONFIG.mqtt.limits)
  })

  it('that is not HJSON is told with the place', async () => {
    expect(await problem('{ hologram: {', 'ERR_CONFIG_FILE')).toMatch(/^hub.hjson is not HJSON: .*line 1/)
    expect(await problem('[1]', 'ERR_CONFIG_FILE')).toBe('hub.hjson must hold an object: { name: value }')
  })

  it('that is not there is told', async () => {
    await expect(readConfig('/nowhere/hub.hjson')).rejects.toThrow(
      'cannot read the file /nowhere/hub.hjson: there is no such file',
    )
  })

  it('has every key and every default in the guide', () => {
    const guide = readFileSync(new URL('../../../docs/guide/hub.md', import.meta.url), 'utf8')
    const rows = new Map([...guide.matchAll(/^\| `([\w.]+)` +\| (\S+) /gm)].map(([, key, value]) => [key, value]))
    const { hologram, front, mqtt, history, ports } = DEFAULT_CONFIG
    expect([rows.get('ports.front'), rows.get('ports.hologram')]).toEqual([String(ports.front), String(ports.hologram)])
    for (const [key, value] of Object.entries(hologram.limits))
      expect(rows.get(`hologram.limits.${key}`)).toBe(String(value))
    for (const [key, value] of Object.entries(front.limits)) expect(rows.get(`front.limits.${key}`)).toBe(String(value))
    expect(rows.get('ports.mqtt')).toBe(String(ports.mqtt))
    expect(rows.get('mqtt.sysInterval')).toBe(String(mqtt.sysInterval))
    const ofMqtt = readFileSync(new URL('../../../docs/guide/mqtt.md', import.meta.url), 'utf8')
    const limits = new Map(
      [...ofMqtt.matchAll(/^\| `mqtt[.]limits[.](\w+)` +\| (\S+) /gm)].map(([, key, value]) => [key, value]),
    )
    expect(Object.fromEntries(limits)).toEqual(
      Object.fromEntries(Object.entries(mqtt.limits).map(([key, value]) => [key, String(value)])),
    )
    expect([rows.get('history.maxBytes'), rows.get('history.maxAge')]).toEqual([String(history.maxBytes), 'none'])
  })
})

describe('where the hub is and listens', () => {
  const written = async (text: string): Promise<string> => {
    const path = join(await temporaryDirectory(), 'hub.hjson')
    await writeFile(path, text)
    return path
  }
  const resolved = async (options: HubOptions): Promise<CheckedOptions> => (await resolveOptions(options)).checked
  const text = '{ data: "/var/lib/halyard", host: "::1", ports: { hologram: 9000 } }'

  it('is what the file says', async () => {
    expect(await resolved({ config: await written(text) })).toEqual({
      data: '/var/lib/halyard',
      host: '::1',
      ports: { front: 8080, hologram: 9000, mqtt: 1883 },
      mqttAnonymous: false,
      emitterLicense: undefined,
      acceptForeignKeys: false,
      emitterMatcher: 'emitter',
      unused: [],
    })
    expect((await resolved({ config: await written('{ data: ":memory:" }') })).data).toBe(':memory:')
  })

  it('or what is given, key by key', async () => {
    const config = await written(text)
    const given = { data: 'elsewhere', host: '127.0.0.1', ports: { front: 0 } }
    expect(await resolved({ ...given, config })).toMatchObject({
      data: resolve('elsewhere'),
      host: '127.0.0.1',
      ports: { front: 0, hologram: 9000, mqtt: 1883 },
    })
    expect((await resolved({ ports: 'ephemeral', config })).ports).toEqual({ front: 0, hologram: 0, mqtt: 0 })
  })

  it('or the default', async () => {
    expect(await resolved({})).toEqual({
      data: resolve('halyard-data'),
      host: '127.0.0.1',
      ports: { front: 8080, hologram: 9999, mqtt: 1883 },
      mqttAnonymous: false,
      emitterLicense: undefined,
      acceptForeignKeys: false,
      emitterMatcher: 'emitter',
      unused: [],
    })
  })
})
