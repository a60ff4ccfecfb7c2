import { UsageError } from '@halyard/core'
import { CustomCloud } from '@halyard/hologram'
import type { Network } from '@halyard/hologram'
import { describe, expect, it, vi } from 'vitest'
import { answerRaw, openPeer } from './peer.ts'

class FakeNetwork implements Network {
  readonly interfaceName = 'fake0'
  readonly localIPAddress = '10.0.0.7'
  readonly calls: string[] = []
  up = false
  outcome: () => boolean = () => true

  async connect(options?: { timeout?: number }): Promise<boolean> {
    this.calls.push(`connect ${options?.timeout}`)
    this.up = this.outcome()
    return this.up
  }
  async disconnect(): Promise<boolean> {
    this.calls.push('disconnect')
    this.up = false
    return this.outcome()
  }
  isConnected(): boolean {
    return this.up
  }
  getConnectionStatus(): number {
    return this.up ? 1 : 5
  }
}

const watched = (options: object): { cloud: CustomCloud; events: string[] } => {
  const cloud = new CustomCloud(null, { sendHost: '127.0.0.1', sendPort: 1, ...options })
  const events: string[] = []
  for (const event of ['network.connected', 'network.disconnected'] as const) {
    cloud.event.subscribe(event, () => events.push(event))
  }
  return { cloud, events }
}

describe('non-network mode', () => {
  it('is connected from the start, and fires at each call', async () => {
    const { cloud, events } = watched({})
    const { network } = cloud
    expect([network.isConnected(), network.getConnectionStatus()]).toEqual([true, 1])
    expect(await network.connect({ timeout: 7 })).toBe(true)
    expect(await network.disconnect()).toBe(true)
    expect([network.isConnected(), network.getConnectionStatus()]).toEqual([false, 0])
    expect(await network.reconnect()).toBe(true)
    expect(network.isConnected()).toBe(true)
    expect(events).toEqual(['network.connected', 'network.disconnected', 'network.disconnected', 'network.connected'])
    expect([network.localIPAddress, network.remoteIPAddress, network.lastError, network.active]).toEqual([
      null,
      null,
      null,
      null,
    ])
    await cloud.close()
  })

  it('rejects a connect whose signal has fired, and changes nothing', async () => {
    const { cloud, events } = watched({})
    const signal = AbortSignal.abort()
    await expect(cloud.network.connect({ signal })).rejects.toMatchObject({ code: 'ERR_ABORTED' })
    expect(events).toEqual([])
  })

  it('lists the interfaces of the document', () => {
    const list = watched({}).cloud.network.listAvailableInterfaces()
    expect(list).toEqual(['cellular-e303', 'wifi', 'cellular-iota', 'ble', 'ethernet', 'cellular-ms2131'])
    list.pop()
    expect(watched({}).cloud.network.listAvailableInterfaces()).toHaveLength(6)
  })

  it('holds what is sent until the next connect, and then sends it in order', async () => {
    await using peer = await openPeer(answerRaw('ok'))
    await using cloud = new CustomCloud(null, { sendHost: '127.0.0.1', sendPort: peer.port })
    await cloud.network.disconnect()
    const results = await Promise.all(['one!', 'two!', 'three!'].map((text) => cloud.sendMessage(text)))
    expect(results.map(({ code }) => code)).toEqual([-2, -2, -2])
    expect(peer.conversations).toHaveLength(0)
    await cloud.network.connect()
    await (await cloud.outbox).idle()
    expect(peer.received()).toEqual(['one!', 'two!', 'three!'])
  })

  it('held in the turn of the constructor holds also what follows', async () => {
    await using peer = await openPeer(answerRaw('ok'))
    await using cloud = new CustomCloud(null, { sendHost: '127.0.0.1', sendPort: peer.port })
    void cloud.network.disconnect()
    expect((await cloud.sendMessage('x')).buffered).toBe(true)
  })
})

describe('a network of your own', () => {
  it('is down until it is connected', async () => {
    await using peer = await openPeer(answerRaw('ok'))
    const network = new FakeNetwork()
    const { cloud, events } = watched({ network, sendPort: peer.port })
    expect(cloud.network.getConnectionStatus()).toBe(0)
    const { id, buffered } = await cloud.sendMessage('x')
    expect(buffered).toBe(true)

    expect(await cloud.network.connect({ timeout: 7 })).toBe(true)
    expect(cloud.network.active).toBe(network)
    expect(cloud.network.localIPAddress).toBe('10.0.0.7')
    expect(await (await cloud.outbox).settled(id)).toMatchObject({ state: 'delivered' })
    await cloud.network.disconnect()
    expect(network.calls).toEqual(['connect 7', 'disconnect'])
    expect(events).toEqual(['network.connected', 'network.disconnected'])
    await cloud.close()
  })

  it('that is up already needs no connect', async () => {
    await using peer = await openPeer(answerRaw('ok'))
    const network = new FakeNetwork()
    network.up = true
    await using cloud = new CustomCloud(null, { sendHost: '127.0.0.1', sendPort: peer.port, network })
    expect((await cloud.sendMessage('x')).ok).toBe(true)
    network.up = false
    expect([cloud.network.isConnected(), cloud.network.getConnectionStatus()]).toEqual([false, 5])
  })

  it('gives false and the reason for what it did', async () => {
    const network = new FakeNetwork()
    const { cloud, events } = watched({ network })
    network.outcome = () => false
    expect(await cloud.network.connect()).toBe(false)
    expect(cloud.network.lastError).toMatchObject({ name: 'ConnectionError', code: 'ERR_NETWORK_FAILED' })
    network.outcome = () => {
      throw new Error('SIM failure')
    }
    expect(await cloud.network.connect()).toBe(false)
    expect(cloud.network.lastError?.message).toBe('SIM failure')
    expect(events).toEqual([])
    network.outcome = () => true
    expect(await cloud.network.reconnect()).toBe(true)
    expect(cloud.network.lastError).toBeNull()
    network.outcome = () => false
    expect(await cloud.network.disconnect()).toBe(false)
    await cloud.close()
  })

  it('throws what the caller must mend', async () => {
    const network = new FakeNetwork()
    const root = new UsageError('ERR_NETWORK_ROOT', 'run it as root')
    network.outcome = () => {
      throw root
    }
    await expect(watched({ network }).cloud.network.connect()).rejects.toBe(root)
  })

  it('may be several, in order of preference', async () => {
    const [first, second] = [new FakeNetwork(), new FakeNetwork()]
    first.outcome = () => false
    const { cloud } = watched({ network: [first, second] })
    expect(await cloud.network.connect()).toBe(true)
    expect(cloud.network.active).toBe(second)
    expect(first.calls).toEqual(['connect 15'])
    await cloud.close()
  })
})

describe('events', () => {
  it('are those of one cloud, once for each callback, and undisturbed by one that throws', async () => {
    const { cloud } = watched({})
    const other = watched({})
    const order: string[] = []
    const failing = vi.fn(() => {
      order.push('failing')
      throw new Error('mine')
    })
    const once = (): void => {
      order.push('once')
      cloud.event.unsubscribe('network.connected', once)
    }
    const last = (): void => void order.push('last')
    cloud.event.subscribe('network.connected', failing)
    cloud.event.subscribe('network.connected', failing)
    cloud.event.subscribe('network.connected', once)
    cloud.event.subscribe('network.connected', last)
    await cloud.network.connect()
    await cloud.network.connect()
    expect(order).toEqual(['failing', 'once', 'last', 'failing', 'last'])
    expect(other.events).toEqual([])
    cloud.event.unsubscribe('network.connected', () => {})
  })

  it('that throw do not disturb a message', async () => {
    await using peer = await openPeer(answerRaw('ok'))
    await using cloud = new CustomCloud(null, { sendHost: '127.0.0.1', sendPort: peer.port })
    cloud.event.subscribe('message.sent', () => {
      throw new Error('mine')
    })
    expect((await cloud.sendMessage('x')).ok).toBe(true)
  })
})
