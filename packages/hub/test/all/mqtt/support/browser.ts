import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { Driver } from './client.ts'
import { interop } from './programs.ts'

interface Reply {
  readonly id?: number
  readonly method?: string
  readonly sessionId?: string
  readonly params?: { readonly payload?: string; readonly exceptionDetails?: unknown }
  readonly result?: object
  readonly error?: { readonly message: string }
}

/** By the path of its address: what the page's server gives. */
export type Pages = (path: string) => { readonly body: string | Promise<Buffer>; readonly type: string } | undefined

const PAGES: Readonly<Record<string, readonly [path: string, type: string]>> = {
  '/': ['mqtt/page.html', 'text/html'],
  '/mqttjs.mjs': ['mqtt/mqttjs.mjs', 'text/javascript'],
  '/mqtt.min.js': ['node_modules/mqtt/dist/mqtt.min.js', 'text/javascript'],
}

const mqttPages: Pages = (url) => {
  const [path, type] = PAGES[url] ?? []
  return path === undefined || type === undefined ? undefined : { body: readFile(join(interop, path)), type }
}

/** Chromium, told what to do by the DevTools protocol over a pipe: no port, no package. */
export class Browser implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #profile: string
  readonly #pages: Server
  readonly #waiting = new Map<number, { resolve: (reply: Reply) => void; reject: (error: Error) => void }>()
  readonly #tabs = new Map<string, (params: NonNullable<Reply['params']>) => void>()
  #ids = 0
  #text = ''

  /** `pages` has one at `/`, which sets `globalThis.run` when it is ready. */
  constructor(pages: Pages = mqttPages) {
    this.#pages = createServer((request, response) => {
      const page = pages(request.url ?? '')
      if (page === undefined) response.writeHead(404).end()
      else
        void Promise.resolve(page.body).then((body) => response.writeHead(200, { 'content-type': page.type }).end(body))
    })
    this.#profile = mkdtempSync(join(tmpdir(), 'chromium-'))
    const flags = [
      ...['--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
      // Its certificates come from a database of the machine, which a test leaves alone.
      ...['--ignore-certificate-errors', '--remote-debugging-pipe', `--user-data-dir=${this.#profile}`],
    ]
    this.#child = spawn('chromium', flags, { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] })
    this.#child.on('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('Chromium has ended'))
    })
    const output = this.#child.stdio[4] as Readable
    output.setEncoding('utf8').on('data', (text: string) => this.#read(text))
    ;(this.#child.stdio[3] as Writable).on('error', () => {})
  }

  /** A tab with the page in which MQTT.js waits for its first command. */
  async open(): Promise<Tab> {
    if (!this.#pages.listening) await new Promise<void>((resolve) => this.#pages.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(this.#pages.address() as AddressInfo).port}/`
    const { targetId } = (await this.ask('Target.createTarget', { url: 'about:blank' })) as { targetId: string }
    const attached = await this.ask('Target.attachToTarget', { targetId, flatten: true })
    const { sessionId } = attached as { sessionId: string }
    const tab = new Tab(this, targetId, sessionId)
    this.#tabs.set(sessionId, (params) => tab.told(params))
    await this.ask('Runtime.enable', {}, sessionId)
    await this.ask('Runtime.addBinding', { name: 'tell' }, sessionId)
    await this.ask('Page.navigate', { url }, sessionId)
    await tab.evaluate(
      'new Promise((resolve) => { const look = () => globalThis.run ? resolve() : setTimeout(look, 5); look() })',
    )
    return tab
  }

  ask(method: string, params: object, sessionId?: string): Promise<object> {
    const id = ++this.#ids
    return new Promise<object>((resolve, reject) => {
      const done = ({ result, error }: Reply): void =>
        error ? reject(new Error(error.message)) : resolve(result ?? {})
      this.#waiting.set(id, { resolve: done, reject })
      ;(this.#child.stdio[3] as Writable).write(`${JSON.stringify({ id, method, params, sessionId })}\0`)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#pages.close()
    const ended = new Promise((resolve) => this.#child.once('exit', resolve))
    // One that is killed leaves children, which go on writing into the profile for seconds.
    this.ask('Browser.close', {}).catch(() => {})
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 5000)
    await ended
    clearTimeout(timer)
    // Its children let go of their files a moment later.
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
  }

  #read(text: string): void {
    const replies = (this.#text + text).split('\0')
    this.#text = replies.pop() ?? ''
    for (const one of replies) {
      const reply = JSON.parse(one) as Reply
      if (reply.id !== undefined) {
        this.#waiting.get(reply.id)?.resolve(reply)
        this.#waiting.delete(reply.id)
      } else if (reply.method === 'Runtime.bindingCalled' && reply.params) {
        this.#tabs.get(reply.sessionId ?? '')?.(reply.params)
      }
    }
  }
}

/** One page. Its clients go when it is closed. */
export class Tab extends Driver {
  readonly #browser: Browser
  readonly #targetId: string
  readonly #sessionId: string

  constructor(browser: Browser, targetId: string, sessionId: string) {
    super()
    this.#browser = browser
    this.#targetId = targetId
    this.#sessionId = sessionId
  }

  told({ payload = '' }: NonNullable<Reply['params']>): void {
    this.read(payload)
  }

  async evaluate(expression: string): Promise<void> {
    const result = await this.#browser.ask('Runtime.evaluate', { expression, awaitPromise: true }, this.#sessionId)
    if ('exceptionDetails' in result) throw new Error(`the page: ${JSON.stringify(result.exceptionDetails)}`)
  }

  /** What the expression, or its promise, comes to: as JSON has it. */
  async value(expression: string): Promise<unknown> {
    const wish = { expression, awaitPromise: true, returnByValue: true }
    const told = (await this.#browser.ask('Runtime.evaluate', wish, this.#sessionId)) as {
      readonly result?: { readonly value?: unknown }
      readonly exceptionDetails?: unknown
    }
    if (told.exceptionDetails !== undefined) throw new Error(`the page: ${JSON.stringify(told.exceptionDetails)}`)
    return told.result?.value
  }

  override kill(): void {
    void this.#browser.ask('Target.closeTarget', { targetId: this.#targetId }).catch(() => {})
  }

  protected override write(line: string): void {
    void this.evaluate(`void run(${line})`).catch((error: unknown) => this.over(String(error)))
  }
}
