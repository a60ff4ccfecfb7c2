import type { Socket } from 'node:net'
import { FaultProxy, VirtualClock } from '@halyard/testkit'
import { describe, expect, it } from 'vitest'
import { DeviceConnector } from '../src/hologram/push/connection.ts'
import { closedPort, openDevice, openPushes, reads } from './push-support.ts'
import { until } from './support.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const LARGE = new Uint8Array(16 * 1024 * 1024)

function connector(): { readonly clock: VirtualClock; readonly devices: DeviceConnector } {
  const clock = new VirtualClock()
  return { clock, devices: new DeviceConnector({ clock, timeout: 30 }) }
}

describe('one attempt', () => {
  it('is over when the device has read all and closed; what it writes is forgotten', async () => {
    const { clock, devices } = connector()
    const device = await openDevice((socket, keep) => {
      socket.write('x'.repeat(1000))
      reads(socket, keep)
    })
    expect(await devices.deliver(bytes('hello'), device)).toBeUndefined()
    expect(device.messages).toEqual(['hello'])
    expect(clock.pendingTimers).toEqual([])
  })

  it('a refused connection', async () => {
    const port = await closedPort()
    expect(await connector().devices.deliver(bytes('x'), { host: '127.0.0.1', port })).toBe(
      `127.0.0.1:${port} refused the connection`,
    )
  })

  it('a name that nobody has', async () => {
    const reason = await connector().devices.deliver(bytes('x'), { host: 'nobody.invalid', port: 4010 })
    // Without a network there is no name server either.
    expect(reason).toMatch(
      /^nobody[.]invalid:4010 (is not known: no address has this name|could not be looked up: no name server answered)/,
    )
  })

  it('a name with addresses of both families, of which one is listened on', async () => {
    const device = await openDevice()
    expect(await connector().devices.deliver(bytes('x'), { host: 'localhost', port: device.port })).toBeUndefined()
    expect(device.messages).toEqual(['x'])
  })

  it('ends with the hub if the device has not answered yet', async () => {
    const { clock, devices } = connector()
    const attempt = devices.deliver(bytes('x'), await openDevice())
    devices.close()
    expect(await attempt).toBe('the hub was closed')
    expect(clock.pendingTimers).toEqual([])
  })

  it.each([
    ['at once', (device: Socket) => void device.resetAndDestroy()],
    ['after the first bytes', (device: Socket) => void device.once('data', () => device.resetAndDestroy())],
    ['after all of it', (device: Socket) => void device.resume().once('end', () => device.resetAndDestroy())],
  ])('a device that resets the connection %s has no message', async (_when, behave) => {
    const device = await openDevice(behave)
    expect(await connector().devices.deliver(bytes('x'), device)).toBe(
      `127.0.0.1:${device.port} reset the connection: it did not take the message`,
    )
  })

  it('a device that closes while it is being written to has no message', async () => {
    const device = await openDevice((socket) => {
      socket.pause()
      socket.end()
    })
    const reason = await connector().devices.deliver(LARGE, device)
    expect(reason).toBe(`127.0.0.1:${device.port} closed the connection too early`)
  })

  it('a device that reads all and never closes: time is up, and it may have the message', async () => {
    const { clock, devices } = connector()
    let ended = false
    const device = await openDevice((socket) => void socket.resume().once('end', () => (ended = true)))
    const attempt = devices.deliver(bytes('x'), device)
    await until('it has read all', () => ended)
    await clock.advance(30_000)
    expect(await attempt).toBe(
      `127.0.0.1:${device.port} was sent all but did not close the connection within 30 s; it may have the message`,
    )
  })

  it('a device that reads nothing: time is up, and what is still on its way is taken back', async () => {
    const { clock, devices } = connector()
    const sockets: Socket[] = []
    const device = await openDevice((socket) => void sockets.push(socket.pause()))
    const attempt = devices.deliver(LARGE, device)
    await until('it is connected', () => sockets.length === 1)
    await clock.advance(30_000)
    expect(await attempt).toBe(`127.0.0.1:${device.port} did not read the message within 30 s`)
    // A plain close would bring what the hub's kernel holds, some megabytes, and then an end as if that were all.
    let received = 0
    sockets[0]?.on('data', (chunk) => (received += chunk.length)).resume()
    await until('the connection is over', () => sockets[0]?.readable === false)
    expect(received).toBeLessThan(1024 * 1024)
  })

  it('a link that goes silent: time is up', async () => {
    const { clock, devices } = connector()
    const device = await openDevice()
    const proxy = await FaultProxy.open({ target: device })
    proxy.toTarget.set({ silent: true })
    proxy.toClient.set({ silent: true })
    const attempt = devices.deliver(bytes('x'), proxy)
    await until('it is connected', () => proxy.accepted > 0)
    await clock.advance(30_000)
    expect(await attempt).toContain('within 30 s')
    expect(device.messages).toEqual([])
    await proxy.close()
  })

  it('a peer that floods us with bytes is cut', async () => {
    let written = 0
    const device = await openDevice((socket) => {
      const more = (): void => {
        while (!socket.destroyed && socket.write(new Uint8Array(65_536))) written += 65_536
      }
      socket.on('drain', more)
      more()
    })
    expect(await connector().devices.deliver(bytes('x'), device)).toBe(
      `127.0.0.1:${device.port} answers with a flood of bytes: that is no device`,
    )
    expect(written).toBeLessThan(64 * 1024 * 1024)
  })

  it('ends when it is told to', async () => {
    const { clock, devices } = connector()
    const device = await openDevice((socket) => void socket.resume())
    const controller = new AbortController()
    const attempt = devices.deliver(bytes('x'), device, controller.signal)
    await until('it is connected', () => device.connections() === 1)
    controller.abort()
    expect(await attempt).toBe('it was ended from here')
    expect(await devices.deliver(bytes('x'), device, controller.signal)).toBe('it was ended from here')
    devices.close()
    expect(await devices.deliver(bytes('x'), device)).toBe('the hub was closed')
    expect(clock.pendingTimers).toEqual([])
  })
})

describe('a device behind a link that flaps', () => {
  it('has every message once, in its order', async () => {
    const { pushes, push, clock } = await openPushes({ limits: { attemptTimeout: 5 } })
    const device = await openDevice()
    const proxy = await FaultProxy.open({ target: device })
    const count = 30
    for (let number = 0; number < count; number++) {
      if (number % 3 === 0) proxy.refuse()
      else await proxy.accept()
      await push('ab12', String(number), proxy)
    }
    await proxy.accept()
    for (let second = 0; pushes.queued('ab12') > 0 && second < 600; second++) {
      await clock.advance(1000)
      await until('nobody is tried', () => pushes.trying === 0 || pushes.queued('ab12') === 0)
    }
    expect(device.messages).toEqual(Array.from({ length: count }, (_, number) => String(number)))
    await proxy.close()
  })

  it('is sent again what it has, if nobody could know that it has it', async () => {
    const { pushes, push, clock } = await openPushes()
    const device = await openDevice()
    const proxy = await FaultProxy.open({ target: device })
    proxy.toClient.set({ silent: true })
    const sent = push('ab12', 'x', proxy)
    await until('the device has it', () => device.messages.length === 1)
    await clock.advance(30_000)
    const id = await sent
    expect(pushes.find('ab12', id)).toMatchObject({
      state: 'queued',
      reason: expect.stringContaining('it may have the message'),
    })
    proxy.toClient.clear()
    await clock.advance(1000)
    expect(await pushes.settled('ab12', id)).toMatchObject({ state: 'delivered', attempts: 2 })
    expect(device.messages).toEqual(['x', 'x'])
    await proxy.close()
  })
})
