import { ConnectionError } from '@halyard/core'
import { expect, it } from 'vitest'
import { Line } from '../../src/line.ts'
import type { Carrier, CarrierEvents, Open } from '../../src/line.ts'
import { turns, withResolvers } from './support.ts'

const explain = (error: unknown): ConnectionError =>
  new ConnectionError('ERR_MQTT_UNREACHABLE', `explained: ${(error as Error).message}`, { cause: error })

/** A carrier that writes down what it is asked, and tells what a test says. */
function recorder(): { readonly asked: string[]; readonly open: Open; readonly events: () => CarrierEvents } {
  const asked: string[] = []
  let events: CarrierEvents | undefined
  const ask = (what: string) => (): void => void asked.push(what)
  const carrier: Carrier = {
    waiting: 0,
    write: (bytes) => void asked.push(`write ${Buffer.from(bytes).toString()}`),
    pause: ask('pause'),
    resume: ask('resume'),
    end: ask('end'),
    destroy: ask('destroy'),
  }
  return {
    asked,
    open: (given) => {
      asked.push('open')
      events = given
      return carrier
    },
    events: () => {
      if (events === undefined) throw new Error('not opened yet')
      return events
    },
  }
}

function lineOver(load: () => Open | Promise<Open>): { readonly line: Line; readonly told: string[] } {
  const told: string[] = []
  const line = new Line(load, explain, {
    opened: () => told.push('opened'),
    received: (bytes) => told.push(`received ${Buffer.from(bytes).toString()}`),
    drained: () => told.push('drained'),
    closed: (error) => told.push(`closed ${error?.message ?? ''}`.trim()),
  })
  return { line, told }
}

it('begins nothing when it is destroyed before its module is there', async () => {
  const { promise, resolve } = withResolvers<Open>()
  const { asked, open } = recorder()
  const { line, told } = lineOver(() => promise)
  line.write(Buffer.from('x'))
  line.destroy()
  expect(line.waiting).toBe(0)
  resolve(open)
  await turns()
  expect([asked, told]).toEqual([[], []])
})

it('tells later what fails at once, and what fails to load', async () => {
  const fails = (): never => {
    throw new Error('no such thing')
  }
  for (const load of [fails, () => fails, () => Promise.reject(new Error('no such thing')), async () => fails]) {
    const { told } = lineOver(load)
    expect(told).toEqual([])
    await turns()
    expect(told).toEqual(['closed explained: no such thing'])
  }
})

it('asks for what was asked of it before it was open, in order', () => {
  const { asked, open, events } = recorder()
  const { line, told } = lineOver(() => open)
  line.pause()
  line.write(Buffer.from('a'))
  line.write(Buffer.from('b'))
  events().opened()
  expect(asked).toEqual(['open', 'write ab', 'pause'])
  expect(told).toEqual(['opened'])
})

it('keeps the order of what it holds and what comes meanwhile, and the close behind it', async () => {
  const { open, events, asked } = recorder()
  const { line, told } = lineOver(() => open)
  const shared = Buffer.from('1')
  events().opened()
  line.pause()
  events().received(shared)
  // The carrier's array is another's now.
  shared.fill('2')
  events().received(shared)
  line.resume()
  events().received(Buffer.from('3'))
  line.pause()
  events().closed()
  await turns()
  expect(told).toEqual(['opened'])
  line.resume()
  await turns()
  expect(told).toEqual(['opened', 'received 1', 'received 2', 'received 3', 'closed'])
  expect(asked).toContain('destroy')
})

it('a failure does not wait for who does not read', () => {
  const { open, events } = recorder()
  const { line, told } = lineOver(() => open)
  events().opened()
  line.pause()
  events().received(Buffer.from('1'))
  events().closed(explain(new Error('reset')))
  events().closed()
  events().received(Buffer.from('2'))
  line.resume()
  expect(told).toEqual(['opened', 'closed explained: reset'])
})

it('is ended with a close behind what it holds: closed, once', async () => {
  const { open, events } = recorder()
  const { line, told } = lineOver(() => open)
  events().opened()
  line.pause()
  events().received(Buffer.from('1'))
  events().closed()
  line.end()
  await turns()
  expect(told).toEqual(['opened', 'closed'])
})
