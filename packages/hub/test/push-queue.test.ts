import { FaultDisk, VirtualClock, loseUnsynced } from '@halyard/testkit'
import { describe, expect, it, onTestFinished } from 'vitest'
import { closedPort, openDevice, openPushes, reads } from './push-support.ts'
import type { Behaviour } from './push-support.ts'
import { temporaryDirectory, until } from './support.ts'

const names = (count: number): string[] => Array.from({ length: count }, (_, index) => String(1000 + index))

/** Takes all and says nothing more, as an address does that swallows packets behind a router. */
const silent: Behaviour = (socket) => void socket.resume()

describe('the queue of a device', () => {
  it('waits for a device that does not listen, and goes out in its order when it does', async () => {
    const { pushes, push, clock, hear, history } = await openPushes()
    const port = await closedPort()
    const ids = []
    for (const text of ['one', 'two', 'three']) ids.push(await push('ab12', text, { port }))
    expect(
      (await pushes.list('ab12')).map(({ state, attempts, reason, size }) => [state, attempts, reason, size]),
    ).toEqual([
      ['queued', 1, `127.0.0.1:${port} refused the connection`, 3],
      ['queued', 0, `it waits behind an older message to this device: 127.0.0.1:${port} refused the connection`, 3],
      ['queued', 0, `it waits behind an older message to this device: 127.0.0.1:${port} refused the connection`, 5],
    ])
    expect([pushes.queued('ab12'), pushes.trying, await history()]).toEqual([3, 0, []])

    const device = await openDevice(reads, { port })
    for (const id of ids) void pushes.settled('ab12', id)
    await clock.advance(1000)
    for (const id of ids) expect((await pushes.settled('ab12', id)).state).toBe('delivered')
    expect(device.messages).toEqual(['one', 'two', 'three'])
    expect([pushes.queued('ab12'), pushes.trying]).toEqual([0, 0])
    expect((await pushes.list('ab12')).map(({ state, attempts }) => [state, attempts])).toEqual([
      ['delivered', 2],
      ['delivered', 1],
      ['delivered', 1],
    ])
    expect(
      (await history()).map(({ account, channel, source, payload }) => [
        account,
        channel,
        source,
        String(Buffer.from(payload)),
      ]),
    ).toEqual(['one', 'two', 'three'].map((text) => ['ab12', '', '127.0.0.1', text]))
    hear('ab12')
  })

  it('rests longer with every failure, up to five minutes', async () => {
    const { push, clock, log } = await openPushes()
    await push('ab12', 'x', { port: await closedPort() })
    const failures = (): number => log.texts('debug').filter((text) => text.includes('refused')).length
    for (let round = 1; round < 30; round++) {
      const [timer] = clock.pendingTimers.map(({ at }) => at - clock.monotonic())
      expect(timer).toBe((Math.min(300, 2 ** (round - 1)) * 1000) / 2)
      await clock.advanceToNextTimer()
      await until('it was tried', () => failures() === round + 1)
    }
  })

  it('is tried at once for a new message, unless it was tried within the last 10 s', async () => {
    const { push, clock, log } = await openPushes()
    const port = await closedPort()
    await push('ab12', 'one', { port })
    const failures = (): number => log.texts('debug').filter((text) => text.includes('refused')).length
    for (let round = 1; round < 10; round++) {
      await clock.advanceToNextTimer()
      await until('it was tried', () => failures() === round + 1)
    }
    // It rests for minutes now. What has just failed is not tried again for each message.
    await clock.advance(9_999)
    await push('ab12', 'two', { port })
    expect(failures()).toBe(10)

    const device = await openDevice(reads, { port })
    await clock.advance(1)
    await push('ab12', 'three', { port })
    await until('it has them', () => device.messages.length === 3)
    expect(device.messages).toEqual(['one', 'two', 'three'])
  })

  it('goes out when the device is heard of, but not more than once a second', async () => {
    const { pushes, push, clock, hear } = await openPushes()
    const device = await openDevice((socket) => socket.resetAndDestroy())
    await push('ab12', 'x', device)
    const refused = async (count: number): Promise<void> => {
      await until('it was refused', () => device.connections() === count && pushes.trying === 0)
    }
    await refused(1)
    await clock.advance(1000)
    hear('ab12')
    await refused(device.connections())
    const before = device.connections()
    for (let second = 0; second < 5; second++) {
      for (let count = 0; count < 100; count++) hear('ab12')
      await clock.advance(500)
      for (let count = 0; count < 100; count++) hear('ab12')
      await clock.advance(500)
      await until('it has ended', () => pushes.trying === 0)
    }
    expect(device.connections() - before).toBeGreaterThanOrEqual(4)
    expect(device.connections() - before).toBeLessThanOrEqual(6)
  })

  it('a message can be taken back while it waits and while it is on the wire; the next one goes on', async () => {
    const { pushes, push, clock } = await openPushes()
    const port = await closedPort()
    const first = await push('ab12', 'one', { port })
    await push('ab12', 'two', { port })
    expect(await pushes.drop('ab12', first)).toBe(true)
    expect(await pushes.drop('ab12', first)).toBe(false)
    expect(await pushes.drop('cd34', first)).toBe(false)
    expect(pushes.find('ab12', first)).toMatchObject({ state: 'dropped', reason: 'dropped' })
    expect(pushes.find('cd34', first)).toBeUndefined()
    let stuck = true
    const device = await openDevice((socket, keep) => (stuck ? silent : reads)(socket, keep), { port })
    await clock.advance(1000)
    await until('the second is on the wire', () => device.connections() === 1)
    const second = (await pushes.list('ab12')).at(-1)?.id ?? ''
    const third = push('ab12', 'three', { port })
    stuck = false
    expect(await pushes.drop('ab12', second)).toBe(true)
    // It was no fault of the device: the next one need not rest.
    await third
    await until('the third is there', () => device.messages.length === 1)
    expect(device.messages).toEqual(['three'])
  })

  it('drops what is too old, and what was for an account that was removed', async () => {
    const { pushes, push, clock, accounts } = await openPushes({ accounts: ['ab12', 'cd34'], limits: { maxAge: 60 } })
    const port = await closedPort()
    const old = await push('ab12', 'x', { port })
    await clock.advance(61_000)
    expect(await pushes.settled('ab12', old)).toMatchObject({ state: 'dropped', reason: 'expired' })

    const device = await openDevice()
    const orphans = [await push('cd34', 'one', { port }), await push('cd34', 'two', { port: device.port })]
    await accounts.remove('cd34')
    await clock.advance(1000)
    for (const id of orphans) {
      expect(await pushes.settled('cd34', id)).toMatchObject({
        state: 'dropped',
        reason: 'the account of the device was removed',
      })
    }
    expect(device.connections()).toBe(0)
    await expect(push('cd34', 'three', { port })).rejects.toMatchObject({ code: 'ERR_HUB_DEVICE_UNKNOWN' })
    await expect(pushes.settled('cd34', 'what')).rejects.toMatchObject({ code: 'ERR_HUB_PUSH_UNKNOWN' })
  })

  it('a history that cannot take a message makes no device have it twice', async () => {
    const { pushes, push, log, history, closeJournal } = await openPushes()
    const device = await openDevice()
    await closeJournal()
    const id = await push('ab12', 'x', device)
    expect((await pushes.settled('ab12', id)).state).toBe('delivered')
    expect([device.messages, await history()]).toEqual([['x'], []])
    expect(log.texts('warn')).toEqual(['hologram: a device has a message that the history could not take'])
  })
})

describe('many devices', () => {
  it('10,000 that are owed nothing cost nothing', async () => {
    const accounts = names(10_000)
    const { pushes, push, clock, hear } = await openPushes({ accounts })
    const device = await openDevice()
    await push('1000', 'x', device)
    await push('1001', 'x', { port: await closedPort() })
    await pushes.drop('1001', (await pushes.list('1001'))[0]?.id ?? '')
    for (const name of accounts) hear(name)
    expect(pushes.trying).toBe(0)
    // One: the outbox looks in a week whether something has become too old.
    expect(clock.pendingTimers.length).toBeLessThanOrEqual(1)
  })

  it('a hundred that swallow everything leave most of the connections to the others', async () => {
    const accounts = names(150)
    const { pushes, push, hear } = await openPushes({ accounts, limits: { connections: 4 } })
    const hole = await openDevice(silent)
    const alive = await openDevice()
    const dead = accounts.slice(0, 100).map((name) => push(name, 'lost', hole))
    await until('they are tried', () => hole.connections() === 1)
    for (const name of accounts.slice(100)) hear(name)
    await Promise.all(accounts.slice(100).flatMap((name) => [push(name, '1', alive), push(name, '2', alive)]))
    await until('all others have theirs', () => alive.messages.length === 100)
    await until('they have given their places back', () => pushes.trying === 1)
    expect(hole.connections()).toBe(1)
    void Promise.all(dead)
  })

  it('one that is heard of does not wait behind a hundred that are gone', async () => {
    const accounts = names(150)
    const { pushes, push, hear } = await openPushes({ accounts, limits: { connections: 4 } })
    const hole = await openDevice(silent)
    const dead = accounts.slice(0, 100).map((name) => push(name, 'lost', hole))
    await until('they are tried', () => hole.connections() === 1)
    // Never heard of until now: they stand behind all others.
    const back = await openDevice()
    const found = accounts.slice(100).map((name) => push(name, 'found', back))
    await until('they wait', () => accounts.every((name) => pushes.queued(name) === 1))
    for (const name of accounts.slice(100)) hear(name)
    await until('they have theirs', () => back.messages.length === 50)
    expect(hole.connections()).toBe(1)

    // Those that are heard of and swallow everything have the other quarter, and not more.
    for (const name of accounts.slice(0, 100)) hear(name)
    await until('one more is tried', () => hole.connections() === 2)
    await push(accounts[100] ?? '', 'still found', back)
    expect([pushes.trying, hole.connections()]).toEqual([2, 2])
    void Promise.all([...dead, ...found])
  })

  it('takes turns, and each device has its messages in order', async () => {
    const accounts = names(20)
    const { pushes, push, hear } = await openPushes({ accounts, limits: { connections: 3 } })
    const device = await openDevice()
    for (const name of accounts) hear(name)
    const texts = accounts.flatMap((name) => ['a', 'b', 'c', 'd', 'e'].map((letter) => ({ name, letter })))
    await Promise.all(texts.map(({ name, letter }) => push(name, `${name} ${letter}`, device)))
    await until('all are there', () => device.messages.length === 100)
    for (const name of accounts) {
      const letters = device.messages.filter((text) => text.startsWith(name)).map((text) => text.slice(-1))
      expect(letters.join('')).toBe('abcde')
    }
    await until('nobody has a place', () => pushes.trying === 0)
    // Nobody has all of his before others have their first.
    const firsts = device.messages.map((text) => text.slice(-1)).lastIndexOf('a')
    expect(firsts).toBeLessThan(60)
  })
})

describe('after a power cut', () => {
  it('what was queued goes out, and what was delivered does not', async () => {
    const disk = new FaultDisk()
    const clock = new VirtualClock()
    const device = await openDevice()
    const before = await openPushes({ path: '/push', disk, clock })
    await before.push('ab12', 'there', device)
    await before.pushes.settled('ab12', (await before.pushes.list('ab12'))[0]?.id ?? '')
    const later = await closedPort()
    await before.push('ab12', 'one', { port: later })
    await before.push('ab12', 'two', { port: later })
    const survived = disk.powerCut(loseUnsynced)
    await expect(before.pushes.close()).rejects.toThrow('EIO')
    clock.reboot()
    const late = await openDevice(reads, { port: later })
    const { pushes } = await openPushes({ path: '/push', disk: survived, clock })
    await until('both are there', () => late.messages.length === 2)
    expect([device.messages, late.messages]).toEqual([['there'], ['one', 'two']])
    await until('nothing is owed', () => pushes.queued('ab12') === 0)
  })
})

describe('close()', () => {
  it('waits for a device that is reading, and for none that does not answer', async () => {
    const path = await temporaryDirectory()
    let release = (): void => {}
    const gate = new Promise<void>((resolve) => (release = resolve))
    onTestFinished(() => release())
    const slow = await openDevice((socket, keep) => {
      socket.on('error', () => {})
      socket.pause()
      void gate.then(() => {
        reads(socket, keep)
        socket.resume()
      })
    })
    const { pushes, push } = await openPushes({ path })
    const sent = push('ab12', 'x', slow)
    await until('it is on its way', () => slow.connections() === 1)
    let closed = false
    const closing = pushes.close().then(() => (closed = true))
    await new Promise((resolve) => setImmediate(resolve))
    expect(closed).toBe(false)
    release()
    await closing
    expect(slow.messages).toEqual(['x'])
    await sent
    await expect(push('ab12', 'y', slow)).rejects.toMatchObject({ code: 'ERR_HUB_CLOSED' })
    await expect(pushes.drop('ab12', 'y')).rejects.toMatchObject({ code: 'ERR_HUB_CLOSED' })
  })
})
