import { HologramCloud } from '@halyard/hologram'
import { describe, expect, it } from 'vitest'
import { startHub, until } from './support.ts'

describe('a hub and the inbound socket of a device', () => {
  it('what is pushed is received: also while the device had its socket closed, once, in order', async () => {
    const { hub, port, id, key } = await startHub()
    const cloud = new HologramCloud(
      { cloud_id: id, cloud_key: key },
      { sendHost: '127.0.0.1', sendPort: port, receiveHost: '127.0.0.1', receivePort: 0, enableInbound: false },
    )
    await cloud.openReceiveSocket()
    const to = { host: '127.0.0.1', port: cloud.receivePort }
    const heard: string[] = []
    cloud.event.subscribe('message.received', ({ text }) => heard.push(text))
    await hub.hologram.sendToDevice(id, 'hey there!', to)
    await hub.hologram.sendToDevice(id, 'x'.repeat(100_000), to)
    expect(heard.map((text) => text.slice(0, 10))).toEqual(['hey there!', 'xxxxxxxxxx'])

    cloud.receivePort = to.port
    await cloud.closeReceiveSocket()
    await expect(hub.hologram.sendToDevice(id, 'one', { ...to, timeout: 0.1 })).rejects.toThrow(
      'refused the connection',
    )
    await expect(hub.hologram.sendToDevice(id, 'two', { ...to, timeout: 0 })).rejects.toThrow('It stays queued')
    await cloud.openReceiveSocket()
    // Whoever sends is there: what waits goes out now.
    expect((await cloud.sendMessage('back again')).code).toBe(0)
    await until('both have come', () => heard.length === 4)
    expect(heard.slice(2)).toEqual(['one', 'two'])
    await cloud.close()
  })
})
