/** What keeps a process alive: a promise of ours that is waited for. What is queued, retry timers and deadlines do not. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const run = promisify(execFile)

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'halyard-alive-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

/** Runs a script against the built package until it ends by itself; gives what it printed. Killed after 20 seconds. */
async function script(body: string, options: string): Promise<string> {
  const source = `
    import { Outbox } from '@halyard/core'
    const outbox = await Outbox.open(${options})
    const send = (text, control) =>
      outbox.submit({ destination: 'demo:me', kind: 'text', body: new TextEncoder().encode(text) }, control)
    const later = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds).unref())
    process.on('exit', () => console.log('exit'))
    ${body}`
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', source], {
    cwd: import.meta.dirname,
    timeout: 20_000,
  })
  return stdout.trim().split('\n').join(' ')
}

describe.each(['memory', 'path'])('a process with an outbox in %s', (kind) => {
  const options = (): string => (kind === 'path' ? JSON.stringify({ path: join(directory, 'outbox') }) : '{}')

  it('ends though messages are queued, a backoff runs and deadlines are to come', async () => {
    const body = `
      outbox.attach('demo:me', () => Promise.resolve({ outcome: 'retry', reason: 'cut' }))
      for (const text of ['a', 'b']) console.log((await send(text, { expires: 3600 })).state)`
    expect(await script(body, options())).toBe('queued queued exit')
  })

  it('lives until a send has its answer', async () => {
    const body = `
      outbox.attach('demo:me', async () => {
        await later(300)
        return { outcome: 'delivered' }
      })
      console.log((await send('a')).state)`
    expect(await script(body, options())).toBe('delivered exit')
  })

  it('lives until settled() and idle() resolve', async () => {
    const body = `
      let tries = 0
      await send('a', { id: 'a' })
      outbox.attach('demo:me', async () => {
        await later(100)
        return ++tries < 2 ? { outcome: 'retry', reason: 'cut' } : { outcome: 'delivered' }
      })
      outbox.settled('a').then(({ state }) => console.log('settled', state))
      await outbox.idle()
      console.log('idle')`
    expect(await script(body, options())).toBe('settled delivered idle exit')
  })

  it('lives until close() is done', async () => {
    const body = `
      const controller = new AbortController()
      outbox.attach('demo:me', async () => {
        controller.abort()
        await later(300)
        return { outcome: 'delivered' }
      })
      await send('a', { signal: controller.signal }).catch(({ code }) => console.log(code))
      await outbox.close()
      console.log(outbox.depth)`
    expect(await script(body, options())).toBe('ERR_ABORTED 0 exit')
  })

  it('ends after an aborted wait, though the delivery goes on', async () => {
    const body = `
      const controller = new AbortController()
      outbox.attach('demo:me', () => {
        controller.abort()
        return new Promise(() => {})
      })
      await send('a', { signal: controller.signal }).catch(({ code }) => console.log(code))`
    expect(await script(body, options())).toBe('ERR_ABORTED exit')
  })

  it('ends after close(), whatever is asked of it then', async () => {
    const body = `
      await send('a', { id: 'a' })
      await outbox.close()
      for (const call of [() => send('b'), () => outbox.drop('a'), () => outbox.idle()])
        await call().then(() => console.log('done'), ({ code }) => console.log(code))`
    const closed = 'ERR_OUTBOX_CLOSED'
    expect(await script(body, options())).toBe(
      kind === 'path' ? `${closed} ${closed} ${closed} exit` : `${closed} ${closed} done exit`,
    )
  })
})

describe('a process that ends without close()', () => {
  it('leaves what was queued to the next, and what was answered is not sent again', async () => {
    const options = JSON.stringify({ path: join(directory, 'outbox') })
    const first = `
      outbox.attach('demo:me', ({ id }) =>
        Promise.resolve(id === 'a' ? { outcome: 'delivered' } : { outcome: 'retry', reason: 'cut' }))
      console.log((await send('a', { id: 'a' })).state)
      console.log((await send('b', { id: 'b' })).state)`
    expect(await script(first, options)).toBe('delivered queued exit')
    const second = `
      outbox.attach('demo:me', ({ id }) => {
        console.log('sent', id)
        return Promise.resolve({ outcome: 'delivered' })
      })
      await outbox.idle()`
    expect(await script(second, options)).toBe('sent b exit')
  })
})
