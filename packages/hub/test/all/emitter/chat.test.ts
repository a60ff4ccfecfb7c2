/** The chat of examples/emitter-chat in Chromium, over the hub's front door. CHAT_SCREENSHOT=FILE keeps a picture. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createHub } from '../../../src/hub.ts'
import type { Hub } from '../../../src/api.ts'
import { Browser } from '../mqtt/support/browser.ts'
import { Page } from './support/page.ts'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = fileURLToPath(new URL('../../../../../', import.meta.url))
let data: string
let hub: Hub
let chat: ChildProcess
let browser: Browser
let url: string

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'chat-'))
  hub = await createHub({ data, ports: 'ephemeral' })
  const env = { ...process.env, EMITTER_PORT: String(hub.ports.front), PORT: '0' }
  chat = spawn(process.execPath, ['examples/emitter-chat', data], { cwd: root, env })
  const [line] = (await once(createInterface({ input: chat.stdout! }), 'line')) as [string]
  url = /http:\S+[/]/.exec(line)?.[0] ?? ''
  browser = new Browser()
}, 60_000)
afterAll(async () => {
  chat.kill('SIGKILL')
  await browser[Symbol.asyncDispose]()
  await hub.close()
  await rm(data, { recursive: true, force: true })
})

async function enter(name: string, room = ''): Promise<Page> {
  const page = await Page.open(browser, url + room)
  await page.until(`document.getElementById('join')?.open`)
  await page.evaluate(
    `document.getElementById('name').value = ${JSON.stringify(name)}; document.querySelector('#join button').click()`,
  )
  await page.until(`!document.getElementById('text').disabled`)
  return page
}

const say = (page: Page, text: string): Promise<unknown> =>
  page.evaluate(
    `document.getElementById('text').value = ${JSON.stringify(text)}; document.querySelector('#say button').click()`,
  )
const said = `[...document.querySelectorAll('#messages li')].map((li) => li.querySelector('b').textContent + ': ' + li.querySelector('p').textContent)`
const people = `[...document.querySelectorAll('#people span')].map((span) => span.textContent)`
const reads = (page: Page, expression: string, wanted: readonly string[]): Promise<void> =>
  page.until(`JSON.stringify(${expression}) === ${JSON.stringify(JSON.stringify(wanted))}`)

it('two talk, a third reads what was said, and who goes is gone from the list', async () => {
  const ann = await enter('Ann')
  const bob = await enter('Bob')
  await reads(ann, people, ['Ann', 'Bob'])
  await say(ann, 'Is anybody here?')
  await reads(bob, said, ['Ann: Is anybody here?'])
  await say(bob, 'Yes: <img src=x onerror=alert(1)>')
  const both = ['Ann: Is anybody here?', 'Bob: Yes: <img src=x onerror=alert(1)>']
  await reads(ann, said, both)
  expect(await ann.evaluate(`document.querySelectorAll('#messages img').length`)).toBe(0)
  await ann.until(`document.querySelector('li.own').dataset.state === 'delivered'`)
  const mia = await enter('Mia')
  await reads(mia, said, both)
  await reads(ann, people, ['Ann', 'Bob', 'Mia'])
  await bob.evaluate(`void (location.href = 'about:blank')`)
  await reads(ann, people, ['Ann', 'Mia'])
  const picture = process.env['CHAT_SCREENSHOT']
  if (picture !== undefined) await ann.screenshot(picture)
})

it('another room is another channel', async () => {
  const ann = await enter('Ann', '#garden')
  await say(ann, 'only here')
  await reads(ann, said, ['Ann: only here'])
  await reads(ann, people, ['Ann'])
})

it('what is said without a connection waits, and goes when the hub is back', async () => {
  const ann = await enter('Ann', '#away')
  const { front } = hub.ports
  await hub.close()
  await ann.until(`document.body.dataset.state === 'offline'`)
  await say(ann, 'are you there?')
  await ann.until(`document.querySelector('li').dataset.state === 'waiting'`)
  hub = await createHub({ data, ports: { front, mqtt: 0, hologram: 0 } })
  await ann.until(`document.querySelector('li').dataset.state === 'delivered'`)
  const bob = await enter('Bob', '#away')
  await reads(bob, said, ['Ann: are you there?'])
  expect(await ann.evaluate(`document.querySelectorAll('#messages li').length`)).toBe(1)
})
