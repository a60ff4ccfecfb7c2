import { writeFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Outbox } from '@halyard/core'
import { expect, test } from 'vitest'
import { halyard, temporaryDirectory } from './context.ts'
import { FakeTerminal } from './fake-terminal.ts'

const body = (text: string): Uint8Array => new TextEncoder().encode(text)

/** An outbox with one message of each state; the one that is queued cannot go. */
async function fill(path: string): Promise<void> {
  await using outbox = await Outbox.open({ path })
  using _delivers = outbox.attach('demo:up', () => Promise.resolve({ outcome: 'delivered' }))
  using _refuses = outbox.attach('demo:no', () => Promise.resolve({ outcome: 'refused', reason: 'ERR_AUTHINVALID' }))
  await outbox.submit({ destination: 'demo:up', kind: 'text', body: body('fine') }, { id: 'good' })
  await outbox.submit({ destination: 'demo:no', kind: 'text', body: body('bad') }, { id: 'bad' })
  const options = { topics: ['A'] }
  await outbox.submit({ destination: 'demo:down', kind: 'text', body: body('wärme'), options }, { id: 'waiting' })
  await outbox.submit({ destination: 'demo:down', kind: 'raw', body: new Uint8Array([255, 0]) }, { id: 'bytes' })
}

test('ls shows a table, filters, and what is there in all', async () => {
  await using directory = await temporaryDirectory()
  const { path } = directory
  await fill(path)
  const { code, out } = await halyard(['outbox', 'ls', '--outbox', path])
  const lines = out.map((line) => line.replaceAll(/[\d.]+ m?s\b/g, '0 s').replaceAll(/ +/g, ' '))
  expect([code, lines]).toEqual([
    0,
    [
      'ID DESTINATION STATE AGE TRIES SIZE REASON',
      'good demo:up delivered 0 s 1 4 B',
      'bad demo:no dropped 0 s 1 3 B ERR_AUTHINVALID',
      'waiting demo:down queued 0 s 0 6 B',
      'bytes demo:down queued 0 s 0 2 B',
      '2 queued (8 B), 1 delivered, 1 dropped',
    ],
  ])
  const queued = await halyard(['outbox', 'ls', '--outbox', path, '--state', 'queued', '--json'])
  expect(queued.out.map((line) => (JSON.parse(line) as { id: string }).id)).toEqual(['waiting', 'bytes'])
  const others = await halyard(['outbox', 'ls', '--outbox', path, '--destination', 'demo:elsewhere'])
  expect(others.out).toEqual(['nothing here'])
  const wrong = await halyard(['outbox', 'ls', '--outbox', path, '--state', 'lost'])
  expect([wrong.code, wrong.errors]).toEqual([
    2,
    ['halyard: --state is queued, delivered or dropped, not lost (ERR_USAGE)'],
  ])
})

test('ls works beside a running owner, rm does not and names it', async () => {
  await using directory = await temporaryDirectory()
  const { path } = directory
  await using owner = await Outbox.open({ path })
  await owner.submit({ destination: 'demo:down', kind: 'text', body: body('x') }, { id: 'mine' })
  expect((await halyard(['outbox', 'ls', '--outbox', path])).code).toBe(0)
  const { code, errors } = await halyard(['outbox', 'rm', 'mine', '--outbox', path])
  expect([code, errors]).toEqual([
    1,
    [
      `halyard: ${path} is in use: this process has it open already; stop that one first or use another directory (ERR_STORE_LOCKED)`,
    ],
  ])
})

test('why tells the story of each message', async () => {
  await using directory = await temporaryDirectory()
  const { path } = directory
  await fill(path)
  const story = async (id: string): Promise<string> =>
    (await halyard(['outbox', 'why', id, '--outbox', path])).out.join('\n').replaceAll(/[\d.]+ m?s\b/g, '0 s')
  expect(await story('good')).toMatch(
    /^good {2}4 B for demo:up\n.*handed to the outbox \(0 s ago\)\n.*delivered: the service acknowledged it at attempt 1, after 0 s$/,
  )
  expect(await story('bad')).toMatch(/dropped after 0 s at attempt 1: the service refused it: ERR_AUTHINVALID$/)
  expect(await story('waiting')).toMatch(
    /now +waits until a program opens this outbox with its account and the link is up$/,
  )
  const json = await halyard(['outbox', 'why', 'bad', '--outbox', path, '--json'])
  expect(JSON.parse(json.out[0] ?? '')).toMatchObject({ id: 'bad', state: 'dropped', reason: 'ERR_AUTHINVALID' })
  const unknown = await halyard(['outbox', 'why', 'nobody', '--outbox', path])
  expect([unknown.code, unknown.errors]).toEqual([
    1,
    [
      `halyard: the outbox ${path} knows no message nobody; halyard outbox ls --outbox ${path} shows them (ERR_OUTBOX_UNKNOWN)`,
    ],
  ])
})

test('export gives bodies as text, or as base64 what is none', async () => {
  await using directory = await temporaryDirectory()
  const { path } = directory
  await fill(path)
  const { out } = await halyard(['outbox', 'export', '--outbox', path])
  const queuedAt = expect.stringMatching(/^20\d\d-.*Z$/) as string
  expect(out.map((line) => JSON.parse(line) as unknown)).toEqual([
    { id: 'waiting', destination: 'demo:down', kind: 'text', queuedAt, options: { topics: ['A'] }, text: 'wärme' },
    { id: 'bytes', destination: 'demo:down', kind: 'raw', queuedAt, options: {}, base64: '/wA=' },
  ])
})

test('rm drops what is named, all or nothing', async () => {
  await using directory = await temporaryDirectory()
  const { path } = directory
  await fill(path)
  const mixed = await halyard(['outbox', 'rm', 'waiting', 'nobody', '--outbox', path])
  expect([mixed.code, mixed.out]).toEqual([1, []])
  const late = await halyard(['outbox', 'rm', 'good', '--outbox', path])
  expect(late.errors).toEqual([
    'halyard: message good is delivered already; only what is queued can be dropped (ERR_OUTBOX_UNKNOWN)',
  ])
  expect((await halyard(['outbox', 'rm', 'waiting', '--outbox', path])).out).toEqual(['1 message dropped (waiting)'])
  expect((await halyard(['outbox', 'rm', '--all', '--outbox', path, '--json'])).out).toEqual([
    '{"id":"bytes","state":"dropped"}',
  ])
  expect((await halyard(['outbox', 'ls', '--outbox', path, '--state', 'queued'])).out).toEqual(['nothing here'])
  const nothing = await halyard(['outbox', 'rm', '--outbox', path])
  expect([nothing.code, nothing.errors]).toEqual([
    2,
    ['halyard: name the messages to drop, or --all; halyard outbox ls shows them (ERR_USAGE)'],
  ])
})

test('a directory that is not an outbox: the text helps, and nothing is made there', async () => {
  await using directory = await temporaryDirectory()
  const { path } = directory
  const missing = join(path, 'nowhere')
  for (const command of ['ls', 'export']) {
    const { code, errors } = await halyard(['outbox', command, '--outbox', missing])
    expect([code, errors]).toEqual([
      1,
      [`halyard: cannot open ${missing}: there is no such directory (ERR_STORE_PATH)`],
    ])
  }
  const rm = await halyard(['outbox', 'rm', '--all', '--outbox', missing])
  expect(rm.errors).toEqual([`halyard: cannot open ${missing}: there is no such directory (ERR_STORE_PATH)`])

  await mkdir(join(path, 'photos'))
  await writeFile(join(path, 'photos', 'cat.jpg'), '')
  const foreign = await halyard(['outbox', 'rm', '--all', '--outbox', join(path, 'photos')])
  expect(foreign.errors).toEqual([
    `halyard: ${join(path, 'photos')} holds other files (cat.jpg); name an empty directory (ERR_STORE_FOREIGN)`,
  ])
  const file = await halyard(['outbox', 'ls', '--outbox', join(path, 'photos', 'cat.jpg')])
  expect(file.errors[0]).toContain('there is a file in the way; name a directory (ERR_STORE_PATH)')
})

test('a stranger’s id has no power over the terminal', async () => {
  await using directory = await temporaryDirectory()
  const { path } = directory
  {
    await using outbox = await Outbox.open({ path })
    await outbox.submit({ destination: 'demo:\u001B[2J', kind: 'text', body: body('x') }, { id: 'a\u001Bc\nb' })
  }
  const terminal = new FakeTerminal()
  await halyard(['outbox', 'ls', '--outbox', path], terminal)
  expect(terminal.printed.join('')).not.toMatch(/\p{Cc}/u)
})
