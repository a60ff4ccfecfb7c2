import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { StatusLine } from '../src/status-line.ts'
import { FakeTerminal } from './fake-terminal.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const onTerminal = (): FakeTerminal => {
  const terminal = new FakeTerminal()
  terminal.status.isTerminal = true
  return terminal
}

test('what takes longer than a second is shown in one line, drawn again when it changes, and taken away', () => {
  const terminal = onTerminal()
  let sent = 1
  const line = new StatusLine(terminal, () => `${sent} sent`)
  vi.advanceTimersByTime(900)
  expect(terminal.drawn).toEqual([])
  vi.advanceTimersByTime(500)
  sent = 2
  vi.advanceTimersByTime(400)
  line[Symbol.dispose]()
  vi.advanceTimersByTime(1000)
  expect(terminal.drawn).toEqual(['\r\u001B[K1 sent', '\r\u001B[K2 sent', '\r\u001B[K'])
})

test('lines of results push it down: the two never mix', () => {
  const terminal = onTerminal()
  const all: string[] = terminal.drawn
  terminal.print = (text) => void all.push(`OUT ${text}`)
  using line = new StatusLine(terminal, () => 'working')
  vi.advanceTimersByTime(1200)
  line.print('DATA RECEIVED: 0')
  line.print('DATA RECEIVED: 0')
  vi.advanceTimersByTime(200)
  expect(all).toEqual([
    '\r\u001B[Kworking',
    '\r\u001B[K',
    'OUT DATA RECEIVED: 0',
    'OUT DATA RECEIVED: 0',
    '\r\u001B[Kworking',
  ])
})

test('it never wraps, and is painted only where colours are wanted', () => {
  const terminal = onTerminal()
  terminal.status.columns = 10
  terminal.colour.error = true
  using _line = new StatusLine(terminal, () => 'a long line that would wrap')
  vi.advanceTimersByTime(1200)
  expect(terminal.drawn).toEqual(['\r\u001B[K\u001B[2ma long l…\u001B[22m'])
})

test('nothing is drawn into a pipe', () => {
  const terminal = new FakeTerminal()
  using _line = new StatusLine(terminal, () => 'working')
  vi.advanceTimersByTime(5000)
  expect([terminal.drawn, terminal.errors]).toEqual([[], []])
})
