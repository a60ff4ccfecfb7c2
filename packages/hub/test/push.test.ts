import { networkInterfaces } from 'node:os'
import { describe, expect, it } from 'vitest'
import { closedPort, openDevice, reads } from './push-support.ts'
import { send, startHub, temporaryDirectory, until } from './support.ts'

const textOf = (payload: Uint8Array): string => new TextDecoder().decode(payload)

/** What a promise is rejected with. */
const failureOf = (promise: Promise<unknown>): Promise<{ code: string; message: string; cause?: unknown }> =>
  promise.then(
    () => expect.unreachable('it resolved'),
    (error: { code: string; message: string }) => error,
  )

describe('hub.hologram.sendToDevice()', () => {
  it('resolves when the device has read all: texts, bytes, large ones, one after the other', async () => {
    const { hub, id } = await startHub()
    const device = await openDevice()
    const to = { host: device.host, port: device.port }
    const large = 'x'.repeat(1024 * 1024)
    await hub.hologram.sendToDevice(id, 'ahoy ⛵', to)
    await hub.hologram.sendToDevice(id, Buffer.from('bytes'), to)
    await hub.hologram.sendToDevice(id, large, to)
    expect(device.messages.map((text) => (text === large ? 'large' : text))).toEqual(['ahoy ⛵', 'bytes', 'large'])
  })

  it('goes to where the device was last heard of', async () => {
    const device = await openDevice()
    const { hub, port, id, key } = await startHub({ config: `{ hologram: { push: { port: ${device.port} } } }` })
    const live = hub.messages()
    const unheard = await failureOf(hub.hologram.sendToDevice(id, 'early', { timeout: 0.05 }))
    expect(unheard.message).toContain(
      'the device was never heard of, so nobody knows where it is; it goes out when it connects',
    )
    expect(await send(port, `{"s": "${id}", "c": "${key}", "d": "here I am"}\r\r`)).toBe('[0,0]')
    await until('what waited goes out', () => device.messages.length === 1)
    await hub.hologram.sendToDevice(id, 'late')
    expect(device.messages).toEqual(['early', 'late'])

    const seen = [(await live.next()).value, (await live.next()).value, (await live.next()).value]
    expect(seen.map((message) => [message?.direction, message && textOf(message.payload)])).toEqual([
      ['in', 'here I am'],
      ['out', 'early'],
      ['out', 'late'],
    ])
    expect(seen[1]).toMatchObject({ service: 'hologram', account: id, channel: '' })
  })

  it('also of a device that was heard of before the hub was started', async () => {
    const device = await openDevice()
    const options = {
      data: await temporaryDirectory(),
      config: `{ hologram: { push: { port: ${device.port} } } }`,
    }
    const first = await startHub(options)
    expect(await send(first.port, `{"s": "${first.id}", "c": "${first.key}", "d": "x"}\r\r`)).toBe('[0,0]')
    await first.hub.close()
    const { hub, id } = await startHub(options)
    await hub.hologram.sendToDevice(id, 'still there?')
    expect(device.messages).toEqual(['still there?'])
  })

  it('what is queued survives a restart, in its order, and is delivered once', async () => {
    const data = await temporaryDirectory()
    const port = await closedPort()
    const to = { host: '127.0.0.1', port, timeout: 0 }
    const first = await startHub({ data })
    for (const text of ['one', 'two', 'three']) {
      expect((await failureOf(first.hub.hologram.sendToDevice(first.id, text, to))).code).toBe(
        'ERR_HUB_DEVICE_UNREACHABLE',
      )
    }
    await first.hub.close()
    const device = await openDevice(reads, { port })
    const second = await startHub({ data })
    await until('all three are there', () => device.messages.length === 3)
    await second.hub.hologram.sendToDevice(second.id, 'four', { ...to, timeout: 5 })
    await second.hub.close()
    await startHub({ data })
    expect(device.messages).toEqual(['one', 'two', 'three', 'four'])
  })

  it('says why not, what becomes of the message, and when it is tried again', async () => {
    const { hub, id } = await startHub()
    const port = await closedPort()
    const { code, message } = await failureOf(
      hub.hologram.sendToDevice(id, 'x', { host: '127.0.0.1', port, timeout: 0.2 }),
    )
    expect(code).toBe('ERR_HUB_DEVICE_UNREACHABLE')
    expect(message).toMatch(
      new RegExp(
        `^device ${id} does not have the message after 0.2 s: 127[.]0[.]0[.]1:${port} refused the connection[.] ` +
          'It stays queued as [0-9a-f-]{36}; it is tried again for 7 days, and at once when the device is heard of$',
      ),
    )
  })

  it('ends its waiting with the signal, not the message', async () => {
    const { hub, id } = await startHub()
    let release = (): void => {}
    const gate = new Promise<void>((resolve) => (release = resolve))
    const device = await openDevice((socket, keep) => {
      socket.pause()
      void gate.then(() => {
        reads(socket, keep)
        socket.resume()
      })
    })
    const controller = new AbortController()
    const to = { host: device.host, port: device.port, signal: controller.signal }
    const sent = failureOf(hub.hologram.sendToDevice(id, 'x', to))
    await until('it is on its way', () => device.connections() === 1)
    controller.abort(new Error('had enough'))
    expect(await sent).toMatchObject({ code: 'ERR_ABORTED', cause: { message: 'had enough' } })
    expect(await failureOf(hub.hologram.sendToDevice(id, 'y', to))).toMatchObject({ code: 'ERR_ABORTED' })
    release()
    await until('it arrives', () => device.messages.length === 1)
    expect(device.messages).toEqual(['x'])
  })

  it.each([
    [['ab12', 'x'], 'ERR_HUB_DEVICE_UNKNOWN', 'the hub has no device "ab12"; add its account first'],
    [[undefined, 'x'], 'ERR_USAGE', 'the cloud id of the device must be a text that is not empty'],
    [['ID', ''], 'ERR_USAGE', 'the payload is empty: a message to a device has at least one byte'],
    [['ID', 7], 'ERR_USAGE', 'a message to a device is a text or a Uint8Array, not number'],
    [['ID', 'x', null], 'ERR_USAGE', 'the options of sendToDevice() must be an object, not null'],
    [
      ['ID', 'x', { hots: '::1' }],
      'ERR_USAGE',
      "sendToDevice() has no option 'hots'; it has host, port, timeout, signal",
    ],
    [['ID', 'x', { host: 'http://a' }], 'ERR_USAGE', 'host must be a bare host name or address'],
    [['ID', 'x', { host: '192.0.2.7:4010' }], 'ERR_USAGE', 'host must be a bare host name or address'],
    [['ID', 'x', { host: '[::1]' }], 'ERR_USAGE', 'host must be a bare host name or address'],
    [['ID', 'x', { host: '' }], 'ERR_USAGE', 'host must be a bare host name or address'],
    [['ID', 'x', { port: 0 }], 'ERR_USAGE_PORT', 'port must be a whole number from 1 to 65535, not 0'],
    [['ID', 'x', { port: '4010' }], 'ERR_USAGE_PORT', 'port must be a whole number from 1 to 65535, not 4010'],
    [['ID', 'x', { timeout: 5000000 }], 'ERR_USAGE_SECONDS', 'timeout is in seconds, from 0 to 86400, not 5000000'],
    [['ID', 'x', { signal: {} }], 'ERR_USAGE', 'signal must be an AbortSignal'],
    [['ID', 'x'.repeat(65)], 'ERR_HUB_PUSH_SIZE', 'a message of 65 bytes is larger than the 64'],
  ])('refuses %j', async (args, code, text) => {
    const { hub, id } = await startHub({ config: '{ hologram: { push: { messageBytes: 64 } } }' })
    const call = hub.hologram.sendToDevice as (...args: unknown[]) => Promise<void>
    const error = await failureOf(call(...args.map((arg) => (arg === 'ID' ? id : arg))))
    expect(error.code).toBe(code)
    expect(error.message).toContain(text)
  })

  it('refuses what is more than may wait', async () => {
    const port = await closedPort()
    const to = { host: '127.0.0.1', port, timeout: 0 }
    const few = await startHub({ config: '{ hologram: { push: { queuedPerDevice: 2 } } }' })
    for (const text of ['one', 'two']) {
      expect((await failureOf(few.hub.hologram.sendToDevice(few.id, text, to))).code).toBe('ERR_HUB_DEVICE_UNREACHABLE')
    }
    expect(await failureOf(few.hub.hologram.sendToDevice(few.id, 'three', to))).toMatchObject({
      code: 'ERR_HUB_PUSH_FULL',
      message: `2 messages wait for device ${few.id}, as many as hologram.push.queuedPerDevice allows; wait until it has some, or drop some`,
    })
    const small = await startHub({ config: '{ hologram: { push: { queuedBytes: 4096 } } }' })
    await failureOf(small.hub.hologram.sendToDevice(small.id, 'x'.repeat(4000), to))
    expect(await failureOf(small.hub.hologram.sendToDevice(small.id, 'x'.repeat(97), to))).toMatchObject({
      code: 'ERR_HUB_PUSH_FULL',
      message: expect.stringContaining('hologram.push.queuedBytes'),
    })
  })

  it('says that the hub is closed', async () => {
    const { hub, id } = await startHub({ data: await temporaryDirectory() })
    const device = await openDevice(() => {})
    const waiting = failureOf(
      hub.hologram.sendToDevice(id, 'x', { host: '127.0.0.1', port: await closedPort(), timeout: 60 }),
    )
    await failureOf(hub.hologram.sendToDevice(id, 'y', { host: device.host, port: device.port, timeout: 0 }))
    await hub.close()
    expect(await waiting).toMatchObject({ code: 'ERR_HUB_CLOSED' })
    expect((await failureOf(hub.hologram.sendToDevice(id, 'z'))).message).toBe(
      'the hub is closed; start it again: what was queued in its data directory goes out then',
    )
  })

  const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'))
  it.skipIf(!hasIpv6)('reaches a device by IPv6', async () => {
    const { hub, id } = await startHub()
    const device = await openDevice(reads, { host: '::1' })
    await hub.hologram.sendToDevice(id, 'six', { host: '::1', port: device.port })
    expect(device.messages).toEqual(['six'])
    await device.close()
    const { message } = await failureOf(
      hub.hologram.sendToDevice(id, 'x', { host: '::1', port: device.port, timeout: 0.2 }),
    )
    expect(message).toContain(`[::1]:${device.port} refused the connection`)
  })
})
