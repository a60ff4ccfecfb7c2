import { expect, it } from 'vitest'
import { publishPacket, subscribePacket } from '../mqtt/raw-client.ts'
import { startEmitterHub } from './support.ts'
import type { EmitterHub } from './support.ts'

/** More than is looked through in one turn, and none of it asked for. */
async function fill(hub: EmitterHub): Promise<string> {
  const client = await hub.client()
  const key = await client.keygen(hub.master, '#/', 'rwslp')
  for (let n = 0; n < 3000; n++) client.raw.send(publishPacket(`${key}/full/?me=0&ttl=600`, 'x'))
  await client.quiet()
  return key
}

it('a flood of subscriptions with last, each a long search: others are answered in between', async () => {
  const hub = await startEmitterHub({ data: ':memory:' })
  const key = await fill(hub)
  const [flooder, other] = [await hub.client(), await hub.client()]
  const order: string[] = []
  const count = 60
  for (let n = 1; n <= count; n++) {
    flooder.raw.send(subscribePacket(n, [{ filter: `${key}/none/${n}/?last=1000` }]))
  }
  const answered = async (n: number): Promise<void> => {
    await flooder.raw.expect('suback', { packetId: n })
    order.push(`suback ${n}`)
  }
  // All that the flood asks for has been read, and some of it answered.
  await answered(1)
  const flood = (async () => {
    for (let n = 2; n <= count; n++) await answered(n)
  })()
  const own = await other.keygen(hub.master, 'own/', 'rwl')
  expect(await other.subscribe(`${own}/own/?last=10`)).toBe(0)
  await other.quiet()
  order.push('the other')
  await flood
  expect(order.indexOf('the other')).toBeLessThan(count)
})
