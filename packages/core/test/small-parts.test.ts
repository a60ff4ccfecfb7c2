/** Errors, events, logger, durations, clock: the small parts on which everything stands. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  AbortError,
  ConnectionError,
  EventBus,
  HalyardError,
  StorageError,
  UsageError,
  ageOf,
  describeError,
  loggerFor,
  momentOf,
  retry,
  secondsToMilliseconds,
  silentLogger,
  sleep,
  systemClock,
  throwIfAborted,
} from '@halyard/core'
import { VirtualClock } from '@halyard/testkit'
import { nodeClock } from '@halyard/core/node'

afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

describe('errors', () => {
  it.each([
    ['UsageError', new UsageError('ERR_USAGE', 'text')],
    ['ConnectionError', new ConnectionError('ERR_USAGE', 'text')],
    ['StorageError', new StorageError('ERR_USAGE', 'text')],
    ['HalyardError', new HalyardError('ERR_USAGE', 'text')],
  ])('%s has its name, code, text and stack', (name, error) => {
    expect(error).toBeInstanceOf(HalyardError)
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({ name, code: 'ERR_USAGE', message: 'text' })
    expect(error.stack).toContain('small-parts.test.ts')
    expect('cause' in error).toBe(false)
  })

  it('keep their cause, also a falsy one', () => {
    const cause = new Error('inner')
    expect(new UsageError('ERR_USAGE', 'text', { cause }).cause).toBe(cause)
    expect(new AbortError(0).cause).toBe(0)
    const signal = AbortSignal.abort('enough')
    expect(() => throwIfAborted(signal)).toThrow(AbortError)
    throwIfAborted(undefined)
    expect(() => throwIfAborted({} as AbortSignal)).toThrow('signal must be an AbortSignal')
  })

  it.each<[unknown, string]>([
    [new Error('text'), 'text'],
    [Object.assign(new Error(''), { code: 'ECONNRESET' }), 'ECONNRESET'],
    [new TypeError(''), 'TypeError'],
    ['text', 'text'],
    [undefined, 'undefined'],
    [null, 'null'],
    [42, '42'],
    [{ a: 1 }, '{"a":1}'],
    [Object.create(null), '{}'],
    [1n, 'bigint'],
    [Symbol('x'), 'symbol'],
  ])('are described, whatever was thrown: %o', (error, text) => {
    expect(describeError(error)).toBe(text)
  })
})

describe('EventBus', () => {
  it('calls in the order of subscription, each callback once, and with all arguments', () => {
    const bus = new EventBus<{ told: [name: string, count: number] }>()
    const calls: string[] = []
    const first = (name: string, count: number): number => calls.push(`first ${name} ${count}`)
    bus.on('told', first)
    bus.on('told', () => calls.push('second'))
    bus.on('told', first)
    bus.emit('told', 'a', 1)
    expect(calls).toEqual(['first a 1', 'second'])
  })

  it('lets a callback leave, or others join, without anyone being skipped', () => {
    const bus = new EventBus<{ told: [] }>()
    const calls: string[] = []
    const once = (): void => {
      calls.push('once')
      bus.off('told', once)
      bus.on('told', () => calls.push('late'))
    }
    bus.on('told', once)
    bus.on('told', () => calls.push('always'))
    bus.emit('told')
    expect(calls).toEqual(['once', 'always'])
    bus.emit('told')
    expect(calls).toEqual(['once', 'always', 'always', 'late'])
  })

  it('logs what a listener throws, and what an async one rejects with', async () => {
    const logged: unknown[] = []
    const nothing = (): void => {}
    const error = (fields: object): void => void logged.push((fields as { err: Error }).err.message)
    const bus = new EventBus<{ told: [] }>({ debug: nothing, info: nothing, warn: nothing, error })
    bus.on('told', () => {
      throw new Error('thrown')
    })
    // oxlint-disable-next-line typescript/no-misused-promises -- what people write, and the compiler lets them
    bus.on('told', async () => Promise.reject(new Error('rejected')))
    bus.emit('told')
    await new Promise((resolve) => setImmediate(resolve))
    expect(logged).toEqual(['thrown', 'rejected'])
  })

  it('does not throw for an error that nobody listens to, and forgets who left', () => {
    const bus = new EventBus<{ error: [Error] }>()
    bus.emit('error', new Error('nobody'))
    const listen = (): void => {}
    bus.off('error', listen)
    expect(bus.has('error')).toBe(false)
    bus.on('error', listen)
    expect(bus.has('error')).toBe(true)
    bus.off('error', listen)
    expect(bus.has('error')).toBe(false)
  })
})

describe('loggerFor', () => {
  it('is silent unless something is given or HALYARD_LOG names a level', () => {
    vi.stubEnv('HALYARD_LOG', undefined)
    expect(loggerFor('Outbox')).toBe(silentLogger)
    vi.stubEnv('HALYARD_LOG', 'loud')
    expect(loggerFor('Outbox')).toBe(silentLogger)
    const given = { ...silentLogger }
    expect(loggerFor('Outbox', given)).toBe(given)
    const halfALogger = { ...given, warn: undefined } as unknown as typeof given
    expect(() => loggerFor('Outbox', halfALogger)).toThrow('logger has no method warn')
  })

  it('writes the documented form to standard error, up to the level', () => {
    const written = vi.spyOn(console, 'error').mockImplementation(() => {})
    vi.stubEnv('HALYARD_LOG', 'info')
    const logger = loggerFor('CustomCloud')
    logger.debug({}, 'not this')
    logger.info({ secret: 'not this' }, 'Connecting to cloudsocket.hologram.io')
    logger.warn({}, 'slow')
    logger.error({}, 'gone')
    expect(written.mock.calls).toEqual([
      ['INFO:CustomCloud:Connecting to cloudsocket.hologram.io'],
      ['WARNING:CustomCloud:slow'],
      ['ERROR:CustomCloud:gone'],
    ])
  })
})

describe('secondsToMilliseconds', () => {
  it('takes seconds, fractions too, from 0 to a day', () => {
    expect([0, 0.25, 86_400].map((seconds) => secondsToMilliseconds('timeout', seconds))).toEqual([0, 250, 86_400_000])
  })

  it.each([86_401, -1, Number.NaN, Infinity, '5' as never, undefined as never])('refuses %s', (seconds: number) => {
    expect(() => secondsToMilliseconds('timeout', seconds)).toThrow(
      `timeout is in seconds, from 0 to 86400, not ${seconds}`,
    )
  })
})

describe('ageOf', () => {
  const moment = (): { clock: VirtualClock; moment: ReturnType<typeof momentOf> } => {
    const clock = new VirtualClock({ wall: Date.UTC(2025, 0, 1) })
    return { clock, moment: momentOf(clock) }
  }

  it('goes by the monotonic clock within a boot', async () => {
    const { clock, moment: then } = moment()
    await clock.advance(5_000)
    clock.setWall(0)
    expect(ageOf(then, clock)).toBe(5_000)
  })

  it('goes by the wall clock across boots if that is plausible, else counts this boot alone', async () => {
    const { clock, moment: then } = moment()
    clock.reboot({ wall: Date.UTC(2025, 0, 2) })
    await clock.advance(7_000)
    expect(ageOf(then, clock)).toBe(86_407_000)
    for (const wall of [0, Date.UTC(2024, 11, 31), Date.UTC(2036, 0, 1)]) {
      clock.setWall(wall)
      expect(ageOf(then, clock)).toBe(7_000)
    }
  })

  it('does not believe a moment of a clock that was not set', () => {
    const clock = new VirtualClock({ wall: 0 })
    const then = momentOf(clock)
    clock.reboot({ wall: Date.UTC(2025, 0, 1) })
    expect(ageOf(then, clock)).toBe(0)
  })
})

describe('retry and sleep', () => {
  it('ends in the middle of a wait when the signal fires, and leaves no timer', async () => {
    const clock = new VirtualClock()
    const controller = new AbortController()
    const work = retry(() => Promise.reject(new Error('down')), { clock, random: () => 0.5, signal: controller.signal })
    work.catch(() => {})
    await clock.advance(100)
    expect(clock.pendingTimers).toHaveLength(1)
    controller.abort('enough')
    await expect(work).rejects.toMatchObject({ code: 'ERR_ABORTED', cause: 'enough' })
    expect(clock.pendingTimers).toEqual([])
  })

  it('ends with the last error when it may not be tried again', async () => {
    const clock = new VirtualClock()
    const fails = (attempt: number): Promise<never> => Promise.reject(new Error(`try ${attempt}`))
    await expect(retry(fails, { clock, retryable: () => false })).rejects.toThrow('try 0')
    const thrice = retry(fails, { clock, attempts: 3 })
    thrice.catch(() => {})
    await clock.advance(10_000)
    await expect(thrice).rejects.toThrow('try 2')
  })

  it('leaves no listener on the signal of a sleep that is over', async () => {
    const clock = new VirtualClock()
    const controller = new AbortController()
    const removed = vi.spyOn(controller.signal, 'removeEventListener')
    const slept = sleep(100, clock, controller.signal)
    await clock.advance(100)
    await slept
    expect(removed).toHaveBeenCalledOnce()
    await expect(sleep(1, clock, AbortSignal.abort())).rejects.toThrow(AbortError)
  })
})

describe.each([
  ['systemClock', systemClock],
  ['nodeClock', nodeClock],
])('%s', (_, clock) => {
  it('is near the wall clock, does not go back, and names its boot', () => {
    const one = clock()
    expect(Math.abs(one.now() - Date.now())).toBeLessThan(1_000)
    const before = one.monotonic()
    expect(one.monotonic()).toBeGreaterThanOrEqual(before)
    expect(one.bootId).not.toBe('')
  })
})
