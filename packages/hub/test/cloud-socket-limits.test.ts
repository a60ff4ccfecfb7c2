import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { nodeClock } from '@halyard/core/node'
import { describe, expect, it, onTestFinished } from 'vitest'
import { open, send, startHub, until } from './support.ts'

const limits = (text: string): { config: string } => ({ config: `{ hologram: { limits: { ${text} } } }` })
const hello = (id: string, key: string): string => `{"s": "${id}", "c": "${key}", "d": "hello"}\r\r`

describe('clients that do not behave', () => {
  it('a silent one is closed without an answer', async () => {
    const { port } = await startHub(limits('idleTimeout: 0.1'))
    const { answer } = await open(port)
    expect(await answer).toBe('')
  })

  it('one that stops in the middle is closed without an answer, so that it keeps its message', async () => {
    const { port } = await startHub(limits('idleTimeout: 0.1'))
    const { socket, answer } = await open(port)
    socket.write('{"s": "12')
    expect(await answer).toBe('')
  })

  it('one that drips is closed when the time for the whole message is over', async () => {
    const { port } = await startHub(limits('idleTimeout: 0.5, messageTimeout: 0.6'))
    const { socket, answer } = await open(port)
    const drip = setInterval(() => socket.write(' '), 20)
    expect(await answer).toBe('')
    clearInterval(drip)
  })

  it('an endless one gets code 2 and is cut', async () => {
    const { port, id, key } = await startHub(limits('messageBytes: 65536, lingerTimeout: 0.2'))
    const { socket, answer, received } = await open(port)
    socket.write(`{"s": "${id}", "c": "${key}", "d": "`)
    const flood = (): void => {
      while (!socket.destroyed && socket.write('x'.repeat(16_384)));
    }
    socket.on('drain', flood)
    flood()
    await until('the refusal came', () => received() === '[2,0]')
    await answer
    // The next one is served as if nothing had happened.
    expect(await send(port, hello(id, key))).toBe('[0,0]')
  })

  it('one that never closes is cut soon after its answer', async () => {
    const { hub, port, id, key } = await startHub(limits('lingerTimeout: 0.1'))
    const { socket, answer } = await open(port, { allowHalfOpen: true })
    socket.write(hello(id, key))
    expect(await Promise.race([answer, once(socket, 'end').then(() => 'ended')])).toBe('ended')
    const health = async (): Promise<number> => {
      const response = await fetch(`http://127.0.0.1:${hub.ports.front}/health`)
      const body = (await response.json()) as { services: { hologram: { connections: number } } }
      return body.services.hologram.connections
    }
    await until('the server let go', async () => (await health()) === 0)
  })

  it('one that resets at any moment harms nobody', async () => {
    const { port, id, key } = await startHub()
    for (const part of ['', '{"s": "12', hello(id, key)]) {
      const { socket } = await open(port)
      if (part !== '') await new Promise((resolve) => socket.write(part, resolve))
      socket.resetAndDestroy()
    }
    expect(await send(port, hello(id, key))).toBe('[0,0]')
  })

  it('one that says nothing and half-closes is closed', async () => {
    const { port } = await startHub()
    const { socket, answer } = await open(port, { allowHalfOpen: true })
    socket.end()
    expect(await answer).toBe('')
  })
})

/** Connects, says nothing, and connects again as soon as it is thrown out: 200 at a time, from a thread of its own. */
const FLOOD = `
  const { connect } = require('node:net')
  const { workerData } = require('node:worker_threads')
  const again = () => connect({ ...workerData, host: '127.0.0.1' }).on('error', () => {}).on('close', again)
  for (let count = 0; count < 200; count++) again()
`

describe('many clients', () => {
  it('a flood from one address does not starve another', async () => {
    const { port, id, key, log } = await startHub(limits('connectionsPerAddress: 64, idleTimeout: 30'))
    const flood = new Worker(FLOOD, { eval: true, workerData: { port, localAddress: '127.0.0.2' } })
    onTestFinished(() => void flood.terminate())
    await until('the flood has all it can get', () => log.texts('warn').length > 0)

    const answers = new Set<string>()
    const times: number[] = []
    for (let count = 0; count < 50; count++) {
      const before = performance.now()
      answers.add(await send(port, hello(id, key)))
      times.push(performance.now() - before)
    }
    expect([...answers]).toEqual(['[0,0]'])
    expect(times.sort((a, b) => a - b)[25]).toBeLessThan(250)
    expect(log.texts('warn')).toEqual(['hologram: a connection was refused: there are 64 connections from its address'])
  })

  it('the number of connections in all is limited, and one that ends makes room', async () => {
    const { port, id, key } = await startHub(limits('connections: 2'))
    const first = await open(port)
    await open(port)
    const third = await open(port)
    expect(await third.answer).toBe('')
    first.socket.destroy()
    await until('there is room again', async () => (await send(port, hello(id, key))) === '[0,0]')
  })

  it('unfinished messages have so much memory together; who holds most gives', async () => {
    const { port, id, key, log } = await startHub(limits('bufferedBytes: 200000, messageBytes: 150000'))
    const part = (bytes: number): string => `{"s": "${id}", "c": "${key}", "d": "${'x'.repeat(bytes)}`
    const small = await open(port, { localAddress: '127.0.0.3' })
    small.socket.write(part(1000))
    const large = await Promise.all([1, 2, 3].map(() => open(port, { localAddress: '127.0.0.2' })))
    for (const { socket } of large) socket.write(part(90_000))
    expect(await Promise.race(large.map(({ answer }) => answer))).toBe('')
    small.socket.write('"}\r\r')
    expect(await small.answer).toBe('[0,0]')
    expect(log.texts('warn')).toEqual(['hologram: a connection with an unfinished message was closed to free memory'])
  })
})

describe('guessing keys', () => {
  const wrong = (id: string): string => `{"s": "${id}", "c": "!!!!", "d": "x"}\r\r`

  it('an address has so many wrong keys, then no answer; others are served', async () => {
    const { port, id, key } = await startHub(limits('authFailuresPerAddress: 3'))
    for (let count = 0; count < 3; count++) expect(await send(port, wrong(id), '127.0.0.2')).toBe('[3,0]')
    expect(await send(port, wrong(id), '127.0.0.2')).toBe('')
    expect(await send(port, hello(id, key), '127.0.0.2')).toBe('')
    expect(await send(port, hello(id, key), '127.0.0.1')).toBe('[0,0]')
  })

  it('an account has so many, from wherever; the device that is known keeps its way in', async () => {
    const { port, id, key, log } = await startHub(limits('authFailuresPerAccount: 2'))
    expect(await send(port, hello(id, key), '127.0.0.1')).toBe('[0,0]')
    expect(await send(port, wrong(id), '127.0.0.2')).toBe('[3,0]')
    expect(await send(port, wrong(id), '127.0.0.3')).toBe('[3,0]')
    expect(await send(port, wrong(id), '127.0.0.4')).toBe('')
    expect(await send(port, hello(id, key), '127.0.0.1')).toBe('[0,0]')
    expect(log.texts('warn')).toEqual([
      'hologram: too many wrong keys; requests of this address or account stay unanswered',
    ])
  })

  it('the window ends', async () => {
    const clock = nodeClock()
    let later = 0
    const { port, id, key } = await startHub(limits('authFailuresPerAddress: 1, authWindowPerAddress: 600'), {
      clock: { ...clock, monotonic: () => clock.monotonic() + later },
    })
    expect(await send(port, wrong(id))).toBe('[3,0]')
    expect(await send(port, hello(id, key))).toBe('')
    later = 600_001
    expect(await send(port, hello(id, key))).toBe('[0,0]')
  })
})
