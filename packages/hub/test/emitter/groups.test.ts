import { describe, expect, it } from 'vitest'
import { connectPacket } from '../mqtt/raw-client.ts'
import { UNAUTHORIZED, startEmitterHub, startHubInTime } from './support.ts'
import type { EmitterClient } from './support.ts'

const idOf = async (client: EmitterClient): Promise<unknown> => (await client.ask('me', ''))['id']

describe('a share group', () => {
  it('whoever is its turn and subscribed besides gets one copy, and so does a member of two groups', async () => {
    const hub = await startEmitterHub()
    const client = await hub.client()
    const key = await client.keygen(hub.master, '#/', 'rw')
    await client.subscribe(`${key}/$share/g/a/`)
    await client.publish(`${key}/a/?me=0`, 'nobody else is there')
    await client.subscribe(`${key}/a/`)
    const member = await hub.client()
    await member.subscribe(`${key}/$share/h/a/`)
    await member.subscribe(`${key}/$share/i/a/`)
    const other = await hub.client()
    await other.publish(`${key}/a/`, 'once')
    for (const one of [client, member]) {
      expect(await one.message()).toBe('a/ once')
      await one.quiet()
    }
  })

  it('me=0: another member gets it, by QoS 0 and 1, and nobody if there is no other', async () => {
    const hub = await startEmitterHub()
    const [one, other] = [await hub.client(), await hub.client()]
    const key = await one.keygen(hub.master, '#/', 'rw')
    await one.subscribe(`${key}/$share/g/a/`, { qos: 1 })
    await one.publish(`${key}/a/?me=0`, 'for nobody')
    await one.quiet()
    await other.subscribe(`${key}/$share/g/a/`)
    await one.quiet()
    for (const text of ['1', '2', '3']) {
      await one.publish(`${key}/a/?me=0`, text)
      expect(await other.message()).toBe(`a/ ${text}`)
    }
    await one.quiet()
    // To the group itself.
    await one.publish(`${key}/$share/g/a/?me=0`, 'all')
    expect(await other.message()).toBe('$share/g/a/ all')
    await one.quiet()
  })

  it('what is published to a group, and who is there, is that of this group', async () => {
    const hub = await startEmitterHub()
    const [one, other] = [await hub.client(), await hub.client()]
    const key = await one.keygen(hub.master, '#/', 'rwp')
    await one.subscribe(`${key}/$share/g/a/`)
    // The channel alone of each would fit the name of the group.
    for (const shared of ['+', '#', '$share/g/a']) await other.subscribe(`${key}/$share/h/${shared}/`)
    const { who } = await one.ask('presence', { key, channel: '$share/g/a/', status: true })
    expect(who).toEqual([{ id: await idOf(one) }])
    await other.publish(`${key}/$share/g/a/`, 'to g')
    expect(await one.message()).toBe('$share/g/a/ to g')
    await other.quiet()
  })

  it('a key that has ended publishes to no group, though the topic is known', async () => {
    const { hub, pass } = await startHubInTime()
    const client = await hub.client()
    const key = await client.keygen(hub.master, '#/', 'rw', 60)
    await client.publish(`${key}/$share/g/a/`)
    await pass(62)
    expect(await client.refused(`${key}/$share/g/a/`)).toBe(`401 ${UNAUTHORIZED}`)
  })
})

describe('keys stay out of the log', () => {
  it('of a will that may not be published, and of a subscription that was refused', async () => {
    const hub = await startEmitterHub()
    const watcher = await hub.client()
    const key = await watcher.keygen(hub.master, 'a/', 'r')
    const guest = await hub.client(
      connectPacket({ will: { topic: `${key}/a/`, payload: Buffer.of(), qos: 0, retain: false } }),
    )
    expect(await guest.subscribe(`${key}/b/`)).toBe(0x80)
    guest.raw.drop()
    await expect.poll(() => hub.log.texts('warn')).toContainEqual(expect.stringContaining('a will was not published'))
    expect(JSON.stringify(hub.log.lines)).not.toContain(key)
  })
})
