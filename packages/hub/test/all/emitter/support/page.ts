import { writeFile } from 'node:fs/promises'
import type { Browser } from '../../mqtt/support/browser.ts'

interface Evaluated {
  readonly result?: { readonly value?: unknown }
  readonly exceptionDetails?: object
}

/** A page that knows nothing of other pages: each has storage of its own. */
export class Page {
  readonly #browser: Browser
  readonly #session: string

  private constructor(browser: Browser, session: string) {
    this.#browser = browser
    this.#session = session
  }

  static async open(browser: Browser, url: string): Promise<Page> {
    const { browserContextId } = (await browser.ask('Target.createBrowserContext', {})) as { browserContextId: string }
    const made = await browser.ask('Target.createTarget', { url: 'about:blank', browserContextId })
    const attached = await browser.ask('Target.attachToTarget', { ...made, flatten: true })
    const page = new Page(browser, (attached as { sessionId: string }).sessionId)
    await browser.ask('Page.navigate', { url }, page.#session)
    return page
  }

  async evaluate(expression: string): Promise<unknown> {
    const options = { expression, awaitPromise: true, returnByValue: true }
    const { result, exceptionDetails } = (await this.#ask('Runtime.evaluate', options)) as Evaluated
    if (exceptionDetails) throw new Error(`the page: ${JSON.stringify(exceptionDetails)}`)
    return result?.value
  }

  /** Looked at with each frame. A page that navigates meanwhile is asked again. */
  async until(expression: string): Promise<void> {
    for (;;) {
      const look = `new Promise((resolve) => {
        const look = () => { if (${expression}) resolve(true); else setTimeout(look, 10) }
        look()
      })`
      try {
        return void (await this.evaluate(look))
      } catch (error) {
        if (!String(error).includes('navigated') && !String(error).includes('context')) throw error
      }
    }
  }

  async screenshot(path: string): Promise<void> {
    const { data } = (await this.#ask('Page.captureScreenshot', {})) as { data: string }
    await writeFile(path, Buffer.from(data, 'base64'))
  }

  #ask(method: string, params: object): Promise<object> {
    return this.#browser.ask(method, params, this.#session)
  }
}
