import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parseConfigText } from '@halyard/core/node'
import { DEFAULT_CONFIG, checkConfig, readConfig } from '../src/config.ts'
import type { HubConfig } from '../src/config.ts'

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
    ['{ tls: null }', 'tls must be an object { … }, not null'],
  ])('%s', async (text, expected) => {
    expect(await problem(text)).toBe(`hub.hjson: ${expected}; docs/guide/hub.md lists all keys`)
  })

  it('fills in what a webhook leaves out', async () => {
    const { hologram } = await parseConfig('{ hologram: { sms: { webhook: { url: "https://a.example/in" } } } }', 'x')
    const webhook = { url: 'https://a.example/in', timeout: 10, maxAge: 86_400, queued: 10_000 }
    expect(hologram.sms).toEqual({ webhook })
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
    const { hologram, front, history } = DEFAULT_CONFIG
    for (const [key, value] of Object.entries(hologram.limits))
      expect(rows.get(`hologram.limits.${key}`)).toBe(String(value))
    for (const [key, value] of Object.entries(front.limits)) expect(rows.get(`front.limits.${key}`)).toBe(String(value))
    expect([rows.get('history.maxBytes'), rows.get('history.maxAge')]).toEqual([String(history.maxBytes), 'none'])
  })
})
