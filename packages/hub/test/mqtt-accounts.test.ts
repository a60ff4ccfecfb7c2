import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { VirtualClock } from '@halyard/testkit'
import { describe, expect, it } from 'vitest'
import { openAdmin } from '../src/admin.ts'
import { MqttAccounts, sha256Secret } from '../src/domain/mqtt-accounts.ts'
import type { PasswordVerdict, Passwords } from '../src/domain/passwords.ts'
import type { Login, Verdict } from '../src/mqtt/dialect.ts'
import { PlainDialect } from '../src/mqtt/plain/plain-dialect.ts'
import { TOKEN_MINT } from '../src/secrets.ts'
import { MemoryRegistry } from '../src/store/memory-registry.ts'
import { overTcp, overWebSocket, sampleOf } from './mqtt-support.ts'
import { startRestHub } from './rest-support.ts'
import { RecordingLogger, startHub, temporaryDirectory, until } from './support.ts'

const bytes = (text: string): Uint8Array => Buffer.from(text)
const login = async (port: number | undefined, username: string, password: string): Promise<number | 'closed'> =>
  (await overTcp(port ?? 0)).connect({ username, password: bytes(password) })

describe('/api/mqtt/accounts', () => {
  it('makes one with a password that opens, lists it without, and removes it', async () => {
    const { call, hub } = await startRestHub()
    const access = [{ filter: 'pumps/%u/#', access: 'readwrite' }]
    const made = await call('POST', '/api/mqtt/accounts', { username: 'pump 7/ü', access })
    expect([made.status, made.body]).toEqual([
      201,
      { username: 'pump 7/ü', access, password: expect.stringMatching(/^[\w-]{27}$/) },
    ])
    const { password } = made.body as { password: string }
    expect(await login(hub.ports.mqtt, 'pump 7/ü', password)).toBe(0)
    expect(await login(hub.ports.mqtt, 'pump 7/ü', `${password}x`)).toBe(4)
    expect((await call('GET', '/api/mqtt/accounts')).body).toEqual({
      accounts: [{ username: 'pump 7/ü', access }, { username: 'sample' }],
    })
    const path = `/api/mqtt/accounts/${encodeURIComponent('pump 7/ü')}`
    expect((await call('DELETE', path)).status).toBe(204)
    expect(await login(hub.ports.mqtt, 'pump 7/ü', password)).toBe(4)
    const again = await call('DELETE', path)
    expect([again.status, again.body]).toEqual([
      404,
      {
        error: 'ERR_HUB_ACCOUNT_UNKNOWN',
        message:
          'the hub has no MQTT account with this user name; GET /api/mqtt/accounts and halyard hub account list show them all',
      },
    ])
  })

  it('takes a password that a person has chosen, and never gives it back', async () => {
    const { call, hub } = await startRestHub()
    const made = await call('POST', '/api/mqtt/accounts', { username: 'ann', password: 'Käse 🧀' })
    expect(made.body).toEqual({ username: 'ann' })
    expect(await login(hub.ports.mqtt, 'ann', 'Käse 🧀')).toBe(0)
    expect(await login(hub.ports.mqtt, 'ann', 'Käse')).toBe(4)
    const taken = await call('POST', '/api/mqtt/accounts', { username: 'ann' })
    expect([taken.status, taken.body]).toMatchObject([409, { error: 'ERR_HUB_ACCOUNT_EXISTS' }])
  })

  it('changes what it is told, and the connections of the account end at once', async () => {
    const { call, hub } = await startRestHub()
    await call('POST', '/api/mqtt/accounts', { username: 'ann', password: 'one' })
    await call('POST', '/api/mqtt/accounts', { username: 'bob', password: 'one' })
    const ann = await overTcp(hub.ports.mqtt ?? 0, 5)
    expect(await ann.connect({ username: 'ann', password: bytes('one') })).toBe(0)
    const bob = await overTcp(hub.ports.mqtt ?? 0)
    expect(await bob.connect({ username: 'bob', password: bytes('one') })).toBe(0)

    const access = [{ filter: 'open/#', access: 'read' }]
    expect(await call('PATCH', '/api/mqtt/accounts/ann', { access })).toMatchObject({
      status: 200,
      body: { username: 'ann', access },
    })
    expect(await ann.next()).toMatchObject({ type: 'disconnect', reasonCode: 0x98 })
    await ann.over()
    const back = await overTcp(hub.ports.mqtt ?? 0)
    expect(await back.connect({ username: 'ann', password: bytes('one') })).toBe(0)
    expect([await back.subscribe('open/+'), await back.subscribe('else')]).toEqual([1, 0x80])

    const changed = await call('PATCH', '/api/mqtt/accounts/ann', { password: null, access: null })
    expect(changed.body).toEqual({ username: 'ann', password: expect.stringMatching(/^[\w-]{27}$/) })
    await back.over()
    expect(await login(hub.ports.mqtt, 'ann', 'one')).toBe(4)
    expect(await login(hub.ports.mqtt, 'ann', (changed.body as { password: string }).password)).toBe(0)
    await call('PATCH', '/api/mqtt/accounts/ann', { password: 'two' })
    expect(await login(hub.ports.mqtt, 'ann', 'two')).toBe(0)
    expect((await call('PATCH', '/api/mqtt/accounts/eve', { password: 'x' })).status).toBe(404)
    // Nobody else was disturbed.
    bob.send({ type: 'pingreq' })
    expect((await bob.next())?.type).toBe('pingresp')
  })

  it('lists page by page', async () => {
    const { call } = await startRestHub()
    for (const username of ['c', 'a', 'b']) await call('POST', '/api/mqtt/accounts', { username })
    expect((await call('GET', '/api/mqtt/accounts?limit=2')).body).toEqual({
      accounts: [{ username: 'a' }, { username: 'b' }],
      next: 'b',
    })
    expect((await call('GET', '/api/mqtt/accounts?limit=2&after=b')).body).toEqual({
      accounts: [{ username: 'c' }, { username: 'sample' }],
    })
  })

  it.each([
    [{}, 'body: username is missing'],
    [{ username: '' }, 'username must be a text of 1 to 128 characters without control characters'],
    [{ username: 'x'.repeat(129) }, 'username must be a text of 1 to 128 characters without control characters'],
    [{ username: 'a\nb' }, 'username must be a text of 1 to 128 characters without control characters'],
    [{ username: 5 }, 'username must be a text of 1 to 128 characters without control characters'],
    [{ username: 'a', password: '' }, 'password must be a text of 1 to 1024 bytes; without it the hub makes one'],
    [
      { username: 'a', password: 'ü'.repeat(513) },
      'password must be a text of 1 to 1024 bytes; without it the hub makes one',
    ],
    [{ username: 'a', role: 'x' }, 'body: there is no role'],
    [
      { username: 'a', access: 'all' },
      'access must be a list of at most 100 rules such as {"filter": "sensors/%u/#", "access": "readwrite"}',
    ],
    [{ username: 'a', access: [{ filter: 'a/#/b', access: 'read' }] }, /^access\[0\]: filter is no topic filter: /],
    [{ username: 'a', access: [{ filter: '', access: 'read' }] }, /^access\[0\]: filter is no topic filter: /],
    [
      { username: 'a', access: [{ filter: '$share/g/a', access: 'read' }] },
      'access[0]: filter must be without $share/<group>/: a rule holds for shared subscriptions too',
    ],
    [
      { username: 'a', access: [{ filter: 'a', access: 'own' }] },
      'access[0]: access must be one of read, write, readwrite, deny',
    ],
    [
      { username: 'a', access: [{ filter: 'a', access: 'read', qos: 1 }] },
      'access[0]: a rule has filter and access, nothing else',
    ],
    [{ username: 'a', access: [null] }, 'access[0]: a rule is an object with filter and access'],
  ])('refuses %j', async (body, message) => {
    const { call } = await startRestHub()
    const answer = await call('POST', '/api/mqtt/accounts', body)
    expect([answer.status, (answer.body as { error: string }).error]).toEqual([400, 'ERR_USAGE'])
    const text = (answer.body as { message: string }).message
    if (typeof message === 'string') expect(text).toBe(message)
    else expect(text).toMatch(message)
  })

  it('a change that changes nothing is refused', async () => {
    const { call } = await startRestHub()
    expect(await call('PATCH', '/api/mqtt/accounts/sample', {})).toMatchObject({
      status: 400,
      body: { message: 'nothing is to be changed: name password or access' },
    })
  })
})

describe('the owner of the directory', () => {
  it.each(['directory', 'hub'] as const)('does the same by %s', async (via) => {
    const data = await temporaryDirectory()
    const started = await startHub({ data })
    if (via === 'directory') await started.hub.close()
    await using admin = await openAdmin({ data })
    expect(admin.via).toBe(via)
    const { accounts } = admin.mqtt
    const access = [{ filter: '#', access: 'read' }] as const
    const made = await accounts.add({ username: 'pump', access })
    expect(made).toEqual({ username: 'pump', access, password: expect.stringMatching(/^[\w-]{27}$/) as string })
    expect(await accounts.add({ username: 'ann', password: 'chosen' })).toEqual({ username: 'ann' })
    expect(await accounts.change('pump', { access: null })).toEqual({ username: 'pump' })
    const names: string[] = []
    for await (const { username } of accounts.list()) names.push(username)
    expect(names).toEqual(['ann', 'pump', 'sample'])
    await expect(accounts.add({ username: 'ann' })).rejects.toThrow('there is an MQTT account with this user name')
    await expect(accounts.add({ username: 'a\tb' })).rejects.toThrow('username must be a text of 1 to 128')
    for (const username of ['none', '', 'x'.repeat(300), '../x']) {
      await expect(accounts.remove(username)).rejects.toMatchObject({ code: 'ERR_HUB_ACCOUNT_UNKNOWN' })
      await expect(accounts.change(username, { password: 'x' })).rejects.toMatchObject({
        code: 'ERR_HUB_ACCOUNT_UNKNOWN',
      })
    }
    expect(await accounts.remove('ann')).toEqual({ sample: false })
    const shown = async (): Promise<object> => JSON.parse(await readFile(join(data, 'accounts.json'), 'utf8')) as object
    await accounts.change('sample', { access: [] })
    expect(await shown()).toHaveProperty('mqtt')
    // The file shows a password: another one, and it would not open.
    if (via === 'hub') await accounts.change('sample', { password: null })
    expect(await accounts.remove('sample')).toEqual({ sample: via === 'directory' })
    expect(await shown()).not.toHaveProperty('mqtt')
    await admin.close()
    const hub = via === 'hub' ? started.hub : (await startHub({ data })).hub
    expect(await login(hub.ports.mqtt, 'pump', made.password ?? '')).toBe(0)
    expect(await login(hub.ports.mqtt, 'ann', 'chosen')).toBe(4)
    if (via === 'directory') expect(hub.ready).not.toHaveProperty('mqtt')
  })
})

describe('who comes in', () => {
  it('nobody without a name, or with another password', async () => {
    const started = await startHub()
    const { username = '' } = sampleOf(started)
    const { mqtt, front } = started.hub.ports
    // At the front door, who is nobody's account speaks Emitter.
    for (const [door, stranger] of [
      [mqtt, 5],
      [front, 0],
    ] as const) {
      expect(await (await overTcp(door ?? 0)).connect()).toBe(stranger)
      expect(await login(door, username, 'wrong')).toBe(4)
      expect(await login(door, 'x'.repeat(60_000), 'wrong')).toBe(stranger === 0 ? 0 : 4)
      expect(await (await overTcp(door ?? 0)).connect({ username })).toBe(4)
    }
  })

  it('under mqttAnonymous whoever shows no password, on the MQTT port alone', async () => {
    const started = await startHub({ mqttAnonymous: true })
    const port = started.hub.ports.mqtt ?? 0
    expect(await (await overTcp(port)).connect()).toBe(0)
    const named = await overTcp(port)
    expect(await named.connect({ username: 'anybody' })).toBe(0)
    expect(await named.subscribe('#')).toBe(1)
    expect(await (await overTcp(port)).connect({ username: 'sample' })).toBe(4)
    expect(await login(port, 'anybody', 'a password that fits nobody')).toBe(4)
    expect(await (await overTcp(port)).connect(sampleOf(started))).toBe(0)
    for (const way of [
      () => overTcp(started.hub.ports.front),
      () => overWebSocket(`ws://127.0.0.1:${started.hub.ports.front}/`),
    ]) {
      const stranger = await way()
      // It speaks Emitter there, and has no key.
      expect(await stranger.connect({ username: 'anybody' })).toBe(0)
      stranger.send(stranger.publishPacket('a/', 'x'))
      expect(await stranger.message()).toContain('emitter/error/ {"status":400')
    }
  })
})

describe('the dialect', () => {
  const loginOf = (username: string, password: string, address = '192.0.2.1'): Login => ({
    version: 5,
    clientId: 'c',
    username,
    password: bytes(password),
    cleanStart: true,
    address,
    door: 'mqtt',
    transport: 'tcp',
    certificateName: undefined,
  })
  const reasonOf = async (verdict: Verdict | Promise<Verdict>): Promise<number> => {
    const known = await verdict
    return known.accepted ? 0 : known.reason
  }
  async function dialectOf(passwords: Passwords, failures = 3) {
    const clock = new VirtualClock()
    const logger = new RecordingLogger()
    const accounts = new MqttAccounts(new MemoryRegistry())
    await accounts.create({ username: 'made', secret: sha256Secret(TOKEN_MINT.hash('right')), access: undefined })
    const parts = { accounts, passwords, clock, logger, anonymous: false, throttle: { failures, window: 60 } }
    return { dialect: new PlainDialect(parts), clock, logger, accounts }
  }
  const quick: Passwords = {
    hash: () => Promise.reject(new Error('not asked for')),
    check: async (_account, _password, _kept, isWanted) => (isWanted?.() === false ? 'busy' : 'wrong'),
  }

  it('throttles strangers of an address, and lets in whom it knows from there', async () => {
    const { dialect, clock, logger } = await dialectOf(quick)
    const known = loginOf('made', 'right')
    expect(await reasonOf(dialect.authenticate(known))).toBe(0)
    for (let count = 0; count < 3; count++) expect(await reasonOf(dialect.authenticate(loginOf('eve', 'x')))).toBe(0x86)
    expect(await reasonOf(dialect.authenticate(loginOf('eve', 'x')))).toBe(0x9f)
    expect(await reasonOf(dialect.authenticate(known))).toBe(0)
    expect(await reasonOf(dialect.authenticate(loginOf('made', 'right', '192.0.2.2')))).toBe(0)
    expect(logger.texts('warn')).toEqual([
      'mqtt: too many wrong passwords; none of this address is looked at for a while',
    ])
    // The known pair has guesses of its own, which do not count against others.
    for (let count = 0; count < 3; count++)
      expect(await reasonOf(dialect.authenticate(loginOf('made', 'x')))).toBe(0x86)
    expect(await reasonOf(dialect.authenticate(known))).toBe(0x9f)
    await clock.advance(60_000)
    expect(await reasonOf(dialect.authenticate(known))).toBe(0)
    expect(await reasonOf(dialect.authenticate(loginOf('eve', 'x')))).toBe(0x86)
  })

  it('counts guesses that came together one by one, and looks at no more', async () => {
    let looked = 0
    const queue: (() => void)[] = []
    const { dialect } = await dialectOf({
      ...quick,
      check: (_account, _password, _kept, isWanted) =>
        new Promise<PasswordVerdict>((resolve) =>
          queue.push(() => {
            if (isWanted?.() === false) return resolve('busy')
            looked++
            resolve('wrong')
          }),
        ),
    })
    const verdicts = Array.from({ length: 20 }, (_, index) =>
      reasonOf(dialect.authenticate(loginOf(`eve${index}`, 'x'))),
    )
    await until('all wait', () => queue.length === 20)
    for (const turn of queue) {
      turn()
      await new Promise((resolve) => setImmediate(resolve))
    }
    const reasons = await Promise.all(verdicts)
    expect(looked).toBe(3)
    expect(reasons).toEqual([0x86, 0x86, 0x86, ...Array.from({ length: 17 }, () => 0x9f)])
  })

  it.each(['changed', 'removed'])(
    'an account that is %s while its password is checked does not come in',
    async (what) => {
      let answer: (verdict: PasswordVerdict) => void = () => {}
      const passwords = { ...quick, check: () => new Promise<PasswordVerdict>((resolve) => (answer = resolve)) }
      const { dialect, accounts } = await dialectOf(passwords)
      const secret = { algorithm: 'scrypt', salt: 'AA', hash: 'AA', cost: 15 } as const
      await accounts.create({ username: 'ann', secret, access: undefined })
      await accounts.find('ann')
      const come = (): Promise<number> => reasonOf(dialect.authenticate(loginOf('ann', 'right')))
      const unchanged = come()
      answer('right')
      expect(await unchanged).toBe(0)
      const verdict = come()
      if (what === 'changed') await accounts.change('ann', { access: [] })
      else await accounts.remove('ann')
      answer('right')
      expect(await verdict).toBe(0x89)
    },
  )

  it('a wrong password is looked at in the same way, whoever is meant', async () => {
    const asked: (string | undefined)[] = []
    const { dialect } = await dialectOf({
      ...quick,
      check: (account, _password, kept) => {
        asked.push(`${account} ${kept === undefined ? 'nobody' : 'somebody'}`)
        return 'wrong'
      },
    })
    await dialect.authenticate(loginOf('made', 'wrong'))
    await dialect.authenticate(loginOf('eve', 'wrong'))
    expect(asked).toEqual(['made nobody', 'eve nobody'])
  })

  it('a registry that fails closes the door and lets nothing else fall', async () => {
    const logger = new RecordingLogger()
    const accounts = { find: () => Promise.reject(new Error('disk')) }
    const parts = { accounts, passwords: quick, clock: new VirtualClock(), logger, anonymous: true }
    const dialect = new PlainDialect({ ...parts, throttle: { failures: 3, window: 60 } })
    expect(await reasonOf(dialect.authenticate(loginOf('made', 'right')))).toBe(0x88)
    expect(logger.texts('error')).toEqual(['mqtt: an account could not be looked up: disk'])
  })
})
