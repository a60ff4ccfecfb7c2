import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createHub, openAdmin } from '@halyard/hub'
import { expect, test } from 'vitest'
import { halyard, temporaryDirectory } from './context.ts'
import type { Ran } from './context.ts'
import { FakeTerminal } from './fake-terminal.ts'

interface StoppedHub extends AsyncDisposable {
  readonly data: string
  readonly sample: string
  run(words: readonly string[], terminal?: FakeTerminal): Promise<Ran>
}

/** A directory in which a hub has been, and commands for it. */
async function stoppedHub(): Promise<StoppedHub> {
  const directory = await temporaryDirectory()
  const data = join(directory.path, 'data')
  const hub = await createHub({ data, ports: 'ephemeral' })
  const sample = hub.accounts.hologram?.cloud_id ?? ''
  await hub.close()
  return {
    data,
    sample,
    run: (words, terminal) => halyard(['hub', ...words, '--data', data], terminal),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  }
}

test('add shows the account it made, for people and for programs', async () => {
  await using hub = await stoppedHub()
  const made = await hub.run(['account', 'add'])
  expect(made).toEqual({
    code: 0,
    out: [expect.stringMatching(/^cloud_id [2-9a-z]{4} {3}cloud_key [2-9a-z]{4}$/)],
    errors: [],
  })
  const named = await hub.run(['account', 'add', '--cloud_id', 'pump', '--cloud-key', '#a"%', '--json'])
  expect(named.out.map((line) => JSON.parse(line) as unknown)).toEqual([
    { service: 'hologram', cloud_id: 'pump', cloud_key: '#a"%' },
  ])
  expect(await hub.run(['account', 'add', '--cloud_id', 'pump'])).toEqual({
    code: 1,
    out: [],
    errors: [
      'halyard: there is an account pump already; choose another cloud id, or remove that one first (ERR_HUB_ACCOUNT_EXISTS)',
    ],
  })
})

test('a key need not stand on the command line', async () => {
  await using hub = await stoppedHub()
  const piped = new FakeTerminal()
  piped.inputBytes = 'k/%1\r\nmore\n'
  const first = await hub.run(['account', 'add', '--cloud_id', 'one1', '--cloud_key', '-', '--json'], piped)
  expect(first.out).toEqual(['{"service":"hologram","cloud_id":"one1","cloud_key":"k/%1"}'])
  const named = new FakeTerminal()
  named.environment['HALYARD_HUB_CLOUD_ID'] = 'two2'
  named.environment['HALYARD_HUB_CLOUD_KEY'] = 'env1'
  const second = await hub.run(['account', 'add', '--json'], named)
  expect(second.out).toEqual(['{"service":"hologram","cloud_id":"two2","cloud_key":"env1"}'])
  const { code, errors } = await hub.run(['account', 'add', '--cloud_key', '-'])
  expect([code, errors]).toEqual([
    2,
    ['halyard: --cloud_key - reads the key from standard input: pipe it in, or leave it out (ERR_USAGE)'],
  ])
  const wrong = new FakeTerminal()
  wrong.inputBytes = 'too long a key\n'
  const refused = await hub.run(['account', 'add', '--cloud_key', '-'], wrong)
  expect([refused.code, refused.errors]).toEqual([
    2,
    ['halyard: cloud_key must be four printable ASCII characters without spaces; without it one is made (ERR_USAGE)'],
  ])
})

test('list shows all of them, also thousands, and no key', async () => {
  await using hub = await stoppedHub()
  {
    await using admin = await openAdmin({ data: hub.data })
    for (let index = 0; index < 1500; index++) {
      await admin.hologram.accounts.add({ cloudId: index.toString(36).padStart(4, '.'), cloudKey: 'KEY!' })
    }
  }
  const { code, out } = await hub.run(['account', 'list'])
  expect([code, out.length, out[0], out[1], out.at(-2), out.at(-1)]).toEqual([
    ...[0, 1504, 'SERVICE   ACCOUNT', 'hologram  ...0', 'mqtt      sample (all topics)', '1502 accounts'],
  ])
  expect(out.join('\n')).not.toContain('KEY!')
  const json = await hub.run(['account', 'ls', '--json'])
  expect([json.out.length, json.out[0]]).toEqual([1502, '{"service":"hologram","cloud_id":"...0"}'])
})

test('rm removes all that are named or none, and says what became of the sample', async () => {
  await using hub = await stoppedHub()
  await hub.run(['account', 'add', '--cloud_id', 'pump'])
  const mixed = await hub.run(['account', 'rm', 'pump', 'none'])
  expect([mixed.code, mixed.out, mixed.errors]).toEqual([
    1,
    [],
    ['halyard: the hub has no account none; halyard hub account list shows them all (ERR_HUB_DEVICE_UNKNOWN)'],
  ])
  expect(await hub.run(['account', 'rm', 'pump', hub.sample, 'pump'])).toEqual({
    code: 0,
    out: ['account pump removed', `account ${hub.sample} removed (the sample: from accounts.json too)`],
    errors: [],
  })
  expect(JSON.parse(await readFile(join(hub.data, 'accounts.json'), 'utf8'))).not.toHaveProperty('hologram')
  expect((await hub.run(['account', 'rm', 'sample', '--service', 'mqtt'])).out).toEqual([
    'account sample removed (the sample: from accounts.json too)',
  ])
  expect(JSON.parse(await readFile(join(hub.data, 'accounts.json'), 'utf8'))).not.toHaveProperty('mqtt')
  expect((await hub.run(['account', 'list'])).out).toEqual(['no accounts'])
  expect((await hub.run(['account', 'rm'])).code).toBe(2)
})

test('an MQTT account: with a password that is made or piped in, and rights', async () => {
  await using hub = await stoppedHub()
  const add = ['account', 'add', '--service', 'mqtt']
  const made = await hub.run([...add, '--username', 'pump', '--access', 'readwrite pumps/%u/#', '--access', 'read #'])
  expect(made.errors).toEqual([])
  expect(made.out).toEqual([expect.stringMatching(/^username pump {3}password [\w-]{27}$/)])
  const piped = new FakeTerminal()
  piped.inputBytes = 'Käse\nmore\n'
  const named = await hub.run([...add, '--username', 'a b', '--password', '-', '--json'], piped)
  expect(named.out).toEqual(['{"service":"mqtt","username":"a b"}'])
  expect((await hub.run(['account', 'list', '--service', 'mqtt'])).out).toEqual([
    'SERVICE   ACCOUNT',
    'mqtt      a b (all topics)',
    'mqtt      pump (readwrite pumps/%u/#, read #)',
    'mqtt      sample (all topics)',
    '3 accounts',
  ])
  const json = await hub.run(['account', 'list', '--service', 'mqtt', '--json'])
  expect(json.out[1]).toBe(
    '{"service":"mqtt","username":"pump","access":[{"access":"readwrite","filter":"pumps/%u/#"},{"access":"read","filter":"#"}]}',
  )
  expect((await hub.run(['account', 'rm', 'pump', 'a b', '--service', 'mqtt', '--json'])).out).toEqual([
    '{"service":"mqtt","username":"pump","state":"removed"}',
    '{"service":"mqtt","username":"a b","state":"removed"}',
  ])
})

test.each([
  [
    ['--username', 'sample'],
    1,
    'there is an MQTT account with this user name; choose another, or change that one (ERR_HUB_ACCOUNT_EXISTS)',
  ],
  [[], 2, 'an MQTT account needs a name: --username NAME (ERR_USAGE)'],
  [
    ['--username', 'x', '--cloud_id', 'pump'],
    2,
    `option '--cloud_id' is for another service than mqtt; halyard hub --help shows what there is`,
  ],
  [
    ['--username', 'x', '--access', 'read'],
    2,
    `--access takes a right and a filter, such as 'readwrite sensors/%u/#' (ERR_USAGE)`,
  ],
  [
    ['--username', 'x', '--access', 'own #'],
    2,
    'access[0]: access must be one of read, write, readwrite, deny (ERR_USAGE)',
  ],
  [
    ['--username', 'x', '--password', '-'],
    2,
    '--password - reads the password from standard input: pipe it in, or leave it out (ERR_USAGE)',
  ],
] satisfies [string[], number, string][])('an MQTT account that cannot be: %j', async (words, code, text) => {
  await using hub = await stoppedHub()
  expect(await hub.run(['account', 'add', '--service', 'mqtt', ...words])).toEqual({
    code,
    out: [],
    errors: [`halyard: ${text}`],
  })
})

test('set changes the password of an MQTT account, its rights, or both', async () => {
  await using hub = await stoppedHub()
  await hub.run(['account', 'add', '--service', 'mqtt', '--username', 'pump', '--access', 'read #'])
  const set = (...words: string[]): Promise<Ran> => hub.run(['account', 'set', 'pump', ...words])
  expect(await set('--access', 'readwrite pumps/%u/#', '--access', 'deny pumps/secret')).toEqual({
    code: 0,
    errors: [],
    out: ['account pump changed (readwrite pumps/%u/#, deny pumps/secret)'],
  })
  const piped = new FakeTerminal()
  piped.inputBytes = 'Käse\n'
  const words = ['account', 'set', 'pump', '--service', 'mqtt', '--password', '-', '--all-topics', '--json']
  expect((await hub.run(words, piped)).out).toEqual(['{"service":"mqtt","username":"pump"}'])
  expect((await set('--new-password')).out).toEqual([expect.stringMatching(/^username pump {3}password [\w-]{27}$/)])
  // The environment is for those that are made: here it would change a password that nobody spoke of.
  const named = new FakeTerminal()
  named.environment['HALYARD_HUB_MQTT_PASSWORD'] = 'elsewhere'
  expect((await hub.run(['account', 'set', 'sample', '--access', 'read #'], named)).out).toEqual([
    'account sample changed (read #)',
  ])
  expect(JSON.parse(await readFile(join(hub.data, 'accounts.json'), 'utf8'))).toHaveProperty('mqtt')
  // What accounts.json shows of the sample opens nothing any more, so it goes.
  await hub.run(['account', 'set', 'sample', '--new-password'])
  expect(JSON.parse(await readFile(join(hub.data, 'accounts.json'), 'utf8'))).not.toHaveProperty('mqtt')
})

test.each([
  [[], 2, 'nothing is to be changed: name --password, --new-password, --access or --all-topics (ERR_USAGE)'],
  [
    ['--password', 'x', '--new-password'],
    2,
    `option '--new-password' cannot be used with option '--password <password>'; halyard hub account set --help shows what there is`,
  ],
  [['--access', '#'], 2, `--access takes a right and a filter, such as 'readwrite sensors/%u/#' (ERR_USAGE)`],
  [['--password', ''], 2, 'password must be a text of 1 to 1024 bytes; without it the hub makes one (ERR_USAGE)'],
  [
    ['--new-password'],
    1,
    'the hub has no MQTT account with this user name; GET /api/mqtt/accounts and halyard hub account list show them all (ERR_HUB_ACCOUNT_UNKNOWN)',
  ],
] satisfies [string[], number, string][])('an MQTT account that cannot be changed: %j', async (words, code, text) => {
  await using hub = await stoppedHub()
  const name = code === 1 ? 'nobody' : 'sample'
  expect(await hub.run(['account', 'set', name, ...words])).toEqual({ code, out: [], errors: [`halyard: ${text}`] })
})

test('tokens: shown once, listed by id, removed', async () => {
  await using hub = await stoppedHub()
  const { out } = await hub.run(['token', 'add', 'dash\u001Bboard'])
  expect(out).toEqual([])
  const [token = ''] = (await hub.run(['token', 'add', 'dashboard'])).out
  expect(token).toMatch(/^[\w-]{27}$/)
  const list = await hub.run(['token', 'list'])
  expect(list.out.at(-1)).toBe('2 tokens')
  expect(list.out.join('\n')).toMatch(/^ID +CREATED +NAME\n(.*\n)*[0-9a-f]{12} {2}20\S+Z {2}dashboard\n/)
  expect(list.out.join('\n')).not.toContain(token)
  const json = await hub.run(['token', 'ls', '--json'])
  const entries = json.out.map((line) => JSON.parse(line) as { id: string; name: string })
  const ids = entries.map(({ id }) => id)
  expect((await hub.run(['token', 'rm', ...ids, 'fff'])).errors).toEqual([
    'halyard: the hub has no token with the id fff; halyard hub token list shows them all (ERR_HUB_TOKEN_UNKNOWN)',
  ])
  const removed = await hub.run(['token', 'rm', ...ids])
  expect(removed.out).toEqual(
    entries.map(({ id, name }) =>
      name === 'sample' ? `token ${id} removed (the sample: from accounts.json too)` : `token ${id} removed`,
    ),
  )
  expect((await hub.run(['token', 'list'])).out).toEqual(['no tokens'])
})

test('a directory that is mistyped does not become a hub', async () => {
  await using directory = await temporaryDirectory()
  const missing = join(directory.path, 'nowhere')
  for (const words of [
    ['account', 'add'],
    ['account', 'list'],
    ['token', 'rm', 'abc'],
  ]) {
    const { code, out, errors } = await halyard(['hub', ...words, '--data', missing])
    expect([code, out, errors]).toEqual([
      1,
      [],
      [
        `halyard: there is no hub in ${missing}; name the directory of one with --data, or start halyard hub there first, which makes one (ERR_HUB_NO_DATA)`,
      ],
    ])
  }
  expect(await readdir(directory.path)).toEqual([])
})

test('the directory is found as halyard hub finds it', async () => {
  await using hub = await stoppedHub()
  const named = (variable: string, value: string): FakeTerminal => {
    const terminal = new FakeTerminal()
    terminal.environment[variable] = value
    return terminal
  }
  const config = join(hub.data, '..', 'hub.hjson')
  await writeFile(config, `{ data: ${JSON.stringify(hub.data)} }`)
  const found = ['SERVICE   ACCOUNT', `hologram  ${hub.sample}`, 'mqtt      sample (all topics)', '2 accounts']
  const words = ['hub', 'account', 'list']
  expect((await halyard(words, named('HALYARD_HUB_DATA', hub.data))).out).toEqual(found)
  expect((await halyard(words, named('HALYARD_HUB_CONFIG', config))).out).toEqual(found)
  expect((await halyard([...words, '--config', config])).out).toEqual(found)
  expect((await halyard(['hub', '--data', hub.data, 'account', 'list'])).out).toEqual(found)
})

test('a hub that runs and cannot be asked is named', async () => {
  await using directory = await temporaryDirectory()
  const data = join(directory.path, 'data')
  await using _hub = await createHub({ data, ports: 'ephemeral' })
  const file = JSON.parse(await readFile(join(data, 'running.json'), 'utf8')) as { url: string; token: string }
  await writeFile(join(data, 'running.json'), JSON.stringify({ ...file, url: 'nowhere' }))
  const { code, errors } = await halyard(['hub', 'account', 'list', '--data', data])
  expect([code, errors]).toEqual([
    1,
    [
      `halyard: the hub that has ${data} open has left an address in running.json that is none; if it is just starting or stopping try again, else stop it: its directory can be changed then (ERR_HUB_ADMIN)`,
    ],
  ])
})

test.each([
  [['account'], 2, 'Usage: halyard hub account'],
  [['--demo', 'account', 'list'], 2, `halyard: option '--demo' is for a hub that is started; `],
  [['--port-front', '0', 'token', 'list'], 2, `halyard: option '--port-front' is for a hub that is started; `],
  [['account', 'list', '--port-front', '0'], 2, `halyard: option '--port-front' is for a hub that is started; `],
  [['account', 'list', '--prot', '0'], 2, `halyard: unknown option '--prot'`],
  [['account', 'add', '--service', 'ttn'], 2, `halyard: option '--service <name>' argument 'ttn' is invalid. `],
  [['acount', 'add'], 2, `halyard: too many arguments for 'hub'`],
] satisfies [string[], number, string][])('%j', async (words, code, text) => {
  const ran = await halyard(['hub', ...words])
  expect([ran.code, ran.out]).toEqual([code, []])
  expect(ran.errors[0]?.startsWith(text) ?? false, ran.errors.join('\n')).toBe(true)
})
