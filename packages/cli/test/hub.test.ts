import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { commandName, quote } from '../src/hub/command-name.ts'
import { hubLogger } from '../src/hub/log.ts'
import { readHubOptions } from '../src/hub/options.ts'
import { sendCommand, welcomeLines } from '../src/hub/welcome.ts'
import type { Welcome } from '../src/hub/welcome.ts'
import { paint } from '../src/text/paint.ts'
import { halyard, temporaryDirectory } from './context.ts'
import { FakeTerminal } from './fake-terminal.ts'

const welcome: Welcome = {
  ready: {
    event: 'ready',
    data: '/home/me/halyard-data',
    ports: { front: 8080, hologram: 9999, mqtt: 1883 },
    mqtt: { username: 'sample', password: 'a-Password_1' },
    emitter: { license: 'a-Licence:3', master_key: 'a-Master', channel_key: 'a-Channel' },
    hologram: { cloud_id: '2ne7', cloud_key: 'dj4g' },
    console: { url: 'http://127.0.0.1:8080/console/', token: 'a-Token_1' },
  },
  host: '0.0.0.0',
  isFirstStart: true,
  command: 'npx halyard',
}

describe('what a person is told', () => {
  test('at the first start: the account, and lines to paste', () => {
    const lines = welcomeLines(welcome, paint(false))
    expect(lines).toContain('  cloud_id 2ne7   cloud_key dj4g')
    expect(lines).toContain('  npx halyard send "hello" --host 127.0.0.1 -p 9999 --cloud_id 2ne7 --cloud_key dj4g')
    expect(lines).toContain(String.raw`  printf '{"s":"2ne7","c":"dj4g","d":"hello"}\r\r' | nc 127.0.0.1 9999`)
    expect(lines).toContain('  MQTT        127.0.0.1:1883')
    expect(lines).toContain('An MQTT account: user name sample, password a-Password_1. Any MQTT client will do:')
    expect(lines).toContain('  mosquitto_pub -h 127.0.0.1 -p 1883 -u sample -P a-Password_1 -t hello -m ahoy')
    expect(lines).toContain('Emitter, at the front door: the master key is a-Master, a key for demo/#/ a-Channel:')
    expect(lines).toContain('  mosquitto_sub -h 127.0.0.1 -p 8080 -t a-Channel/demo/hello/')
    expect(lines).toContain('  mosquitto_pub -h 127.0.0.1 -p 8080 -t a-Channel/demo/hello/ -m ahoy')
    expect(lines.slice(-3)).toEqual([
      'The HTTP API is at http://127.0.0.1:8080/api/, its token a-Token_1. What has come so far:',
      '',
      '  curl -H "Authorization: Bearer a-Token_1" "http://127.0.0.1:8080/api/messages?last=10"',
    ])
  })

  test('later: the file, and no key', () => {
    const text = welcomeLines({ ...welcome, isFirstStart: false }, paint(false)).join('\n')
    expect(text).toContain(
      'The accounts to send with, and the token of the HTTP API, are in /home/me/halyard-data/accounts.json.',
    )
    expect(text).not.toContain('dj4g')
    expect(text).not.toContain('a-Token_1')
    expect(text).not.toContain('a-Password_1')
    expect(text).not.toContain('a-Channel')
  })

  test('in memory: always the account, and that nothing stays', () => {
    const ready = { ...welcome.ready, data: ':memory:' }
    const text = welcomeLines({ ...welcome, ready, isFirstStart: false }, paint(false)).join('\n')
    expect(text).toContain('in memory: gone when the hub ends')
    expect(text).toContain('cloud_key dj4g')
  })

  test('a hub on IPv6, and without a sample account', () => {
    const { hologram: _, console: __, mqtt: ___, emitter: ____, ...ready } = welcome.ready
    const there = { ...welcome, ready, host: '::' }
    expect(welcomeLines(there, paint(false)).at(-1)).toBe('There is no Hologram sample account any more.')
    expect(welcomeLines(there, paint(false))).toContain('  front door  http://[::1]:8080/health')
    expect(sendCommand(there)).toBeUndefined()
    expect(welcomeLines({ ...welcome, host: '::1' }, paint(false))).toContain('  Hologram    [::1]:9999')
  })

  test.each([
    ['0.0.0.0', 'all addresses of this machine'],
    ['::', 'all addresses of this machine'],
    ['192.0.2.7', '192.0.2.7'],
  ])('a hub on %s: that it is open to others', (host, where) => {
    expect(welcomeLines({ ...welcome, host, isFirstStart: false }, paint(false))).toContain(
      `Open to the network: it listens on ${where}; keys and messages of Hologram cross it in clear.`,
    )
  })

  test.each(['127.0.0.1', '127.0.0.2', '::1', 'localhost'])('a hub on %s: nothing of the kind', (host) => {
    expect(welcomeLines({ ...welcome, host }, paint(false)).join('\n')).not.toContain('Open to the network')
  })
})

describe('options', () => {
  test('the command line wins over the environment; --ephemeral is for what nobody gave', async () => {
    const environment = { HALYARD_HUB_HOST: '0.0.0.0', HALYARD_HUB_PORT_FRONT: '8000', HALYARD_HUB_DATA: '/var/lib/h' }
    const options = await readHubOptions({ host: '127.0.0.1', ephemeral: true }, environment)
    expect(options).toEqual({ data: '/var/lib/h', host: '127.0.0.1', ports: { front: 8000, hologram: 0, mqtt: 0 } })
  })

  test('MQTT has its port and its switch', async () => {
    const options = await readHubOptions({ mqttAnonymous: true, ephemeral: true }, { HALYARD_HUB_PORT_MQTT: '1884' })
    expect(options).toMatchObject({ ports: { front: 0, hologram: 0, mqtt: 1884 }, mqttAnonymous: true })
    const moving = await readHubOptions({ acceptForeignKeys: true }, { HALYARD_HUB_EMITTER_LICENSE: '@/etc/licence' })
    expect(moving).toMatchObject({ emitterLicense: '@/etc/licence', acceptForeignKeys: true })
  })

  test('the configuration file says where the hub is; the command line and the environment win over it', async () => {
    await using directory = await temporaryDirectory()
    const config = join(directory.path, 'hub.hjson')
    await writeFile(config, '{ data: "/var/lib/h", host: "::1" }')
    const ports = { front: undefined, hologram: undefined, mqtt: undefined }
    expect(await readHubOptions({ config }, {})).toEqual({ data: '/var/lib/h', host: '::1', config, ports })
    const environment = { HALYARD_HUB_CONFIG: config, HALYARD_HUB_DATA: '/srv/h' }
    expect(await readHubOptions({ host: '127.0.0.1' }, environment)).toMatchObject({
      data: '/srv/h',
      host: '127.0.0.1',
    })
  })

  test.each([
    [['--port-mqtt', '-1'], 'port-mqtt must be a port from 0 to 65535, not -1 (in the options) (ERR_CONFIG_VALUE)'],
    [['--port-exp', '1'], 'this version of the hub has no EXP service yet; leave --port-exp out (ERR_USAGE)'],
    [
      ['--port-exp-gateway', '1'],
      'this version of the hub has no EXP service yet; leave --port-exp-gateway out (ERR_USAGE)',
    ],
    [['--demo', '--json'], '--demo is for people and --json for programs; leave one of them out (ERR_USAGE)'],
    [
      ['--port-hologram', '70000'],
      'port-hologram must be a port from 0 to 65535, not 70000 (in the options) (ERR_CONFIG_VALUE)',
    ],
    [
      ['--port-front', '80.5'],
      'port-front must be a port from 0 to 65535, not 80.5 (in the options) (ERR_CONFIG_VALUE)',
    ],
  ])('%j', async (words, text) => {
    expect(await halyard(['hub', ...words])).toEqual({ code: 2, out: [], errors: [`halyard: ${text}`] })
  })
})

describe('in this process', () => {
  test('it starts, says so, and stops when it is told to', async () => {
    await using directory = await temporaryDirectory()
    const terminal = new FakeTerminal()
    terminal.print = (line) => {
      terminal.printed.push(line)
      if (line.includes('"ready"')) terminal.interrupt('SIGTERM')
    }
    const { code, out } = await halyard(['hub', '--data', directory.path, '--ephemeral', '--json'], terminal)
    expect([code, out]).toEqual([0, [expect.stringContaining('"event":"ready"'), '{"event":"stopped"}']])
  })

  test('a configuration that is wrong ends with 1', async () => {
    await using directory = await temporaryDirectory()
    const file = join(directory.path, 'hub.hjson')
    await writeFile(file, '{ hologram: { limits: { conections: 5 } } }')
    const { code, errors } = await halyard(['hub', '--data', ':memory:', '--config', file])
    expect([code, errors]).toEqual([
      1,
      [`halyard: ${file}: unknown key hologram.limits.conections; docs/guide/hub.md lists all keys (ERR_HUB_CONFIG)`],
    ])
  })
})

describe('the demo in plain lines', () => {
  test('readings arrive on the disk; a backlog of an earlier run is told and delivered', async () => {
    await using directory = await temporaryDirectory()
    const first = new FakeTerminal()
    first.print = (line) => {
      first.printed.push(line)
      if (/ disk .*°C/.test(line)) first.interrupt()
    }
    const words = ['hub', '--demo', '--ephemeral', '--data', directory.path]
    const { code, out } = await halyard(words, first)
    expect(code).toBe(0)
    expect(out.join('\n')).toMatch(
      /\d\d:\d\d:\d\d {2}disk {3}\d\d\.\d °C\n.*The sensor sent 1 message: \d acknowledged/s,
    )
  })
})

describe('the demo on a terminal', () => {
  const words = ['hub', '--demo', '--ephemeral', '--data', ':memory:']
  const live = (): FakeTerminal => {
    const terminal = new FakeTerminal()
    terminal.isTerminal = true
    terminal.colour.output = true
    return terminal
  }

  test('a hand pulls the cable and plugs it in; the screen is left as it was', async () => {
    const terminal = live()
    const running = halyard(words, terminal)
    await terminal.shows('\u001B[?1049h')
    await terminal.shows('°C')
    terminal.press(' ')
    await terminal.shows('you pulled the cable')
    await terminal.shows('safe on disk')
    terminal.press(' ')
    await terminal.shows('none lost')
    terminal.press('q')
    const { code, out, errors } = await running
    expect([code, errors]).toEqual([0, []])
    expect(terminal.written.at(-1)).toBe('\u001B[?7h\u001B[?25h\u001B[?1049l')
    expect(out.at(-1)).toBe('Nothing waits.')
  })

  test('Ctrl-C is a key there: the second one ends it at once', async () => {
    const terminal = live()
    const running = halyard(words, terminal)
    await terminal.shows('\u001B[?1049h')
    terminal.press('\u0003')
    terminal.press('\u0003')
    expect(terminal.exitCode).toBe(130)
    expect((await running).code).toBe(0)
  })
})

test('the log has the documented form, and the level that HALYARD_LOG names', () => {
  const lines: string[] = []
  const quiet = hubLogger((line) => lines.push(line), {})
  quiet.info({}, 'not shown')
  quiet.warn({ connections: 2, err: new Error('why') }, 'connections were cut')
  hubLogger((line) => lines.push(line), { HALYARD_LOG: 'info' }).info({}, 'the hub is ready')
  expect(lines).toEqual(['WARNING:Hub:connections were cut {"connections":2,"err":"why"}', 'INFO:Hub:the hub is ready'])
})

test('how this program is called again', async () => {
  await using directory = await temporaryDirectory()
  const script = join(directory.path, 'packages', 'cli', 'dist', 'main.js')
  const surroundings = { cwd: directory.path, environment: { PATH: directory.path }, script }
  expect(commandName(surroundings)).toBe('node packages/cli/dist/main.js')
  expect(commandName({ ...surroundings, cwd: join(directory.path, 'elsewhere') })).toBe(`node ${script}`)
  expect([quote('2ne7'), quote("a'b c")]).toEqual(['2ne7', String.raw`'a'\''b c'`])
})
