/** What the broker's requests cost: making keys, who is there of ten thousand, the last ten of a hundred thousand. */
import { once } from 'node:events'
import { connect as connectSocket } from 'node:net'
import type { Socket } from 'node:net'
import { connect } from '@halyard/emitter'
import type { Emitter } from '@halyard/emitter'
import { figure, median } from '../lib.ts'
import type { BenchHub } from '../mqtt/servers.ts'

const PEOPLE = 10_000
const STORED = 100_000
const CHANNELS = 1000
const ASKED = 200

async function joined(hub: BenchHub): Promise<Emitter> {
  const emitter = connect({ host: '127.0.0.1', port: hub.ports.websocket, secure: false })
  await new Promise<void>((resolve) => void emitter.on('connect', resolve))
  return emitter
}

export async function keygenRate(hub: BenchHub, rounds: number, seconds: number): Promise<void> {
  await using emitter = await joined(hub)
  const key = hub.emitter?.master_key ?? ''
  const rates: number[] = []
  for (let round = -1; round < rounds; round++) {
    const begun = performance.now()
    let made = 0
    const make = async (): Promise<void> => {
      for (; performance.now() - begun < seconds * 1000; made++)
        await emitter.keygen({ key, channel: 'a/#', type: 'rw' })
    }
    await Promise.all(Array.from({ length: 50 }, make))
    if (round >= 0) rates.push((made * 1000) / (performance.now() - begun))
  }
  console.log(
    `\nkeygen, 50 at a time: ${figure(median(rates))} keys/s, each on disk before it is told (median of ${rounds})`,
  )
}

export async function lastTen(hub: BenchHub, rounds: number): Promise<void> {
  await using emitter = await joined(hub)
  const key = hub.emitter?.channel_key ?? ''
  const channel = (n: number): string => `demo/h/${n % CHANNELS}/`
  for (let n = 0; n < STORED; n += 1000) {
    await Promise.all(
      Array.from({ length: 1000 }, (_, i) =>
        emitter.publish({ key, channel: channel(n + i), message: 'x'.repeat(100), ttl: 3600 }),
      ),
    )
  }
  const times: number[] = []
  for (let round = 0; round < rounds * 20; round++) {
    const begun = performance.now()
    const subscription = await emitter.subscribe({ key, channel: channel(round * 37), last: 10 })
    times.push(performance.now() - begun)
    await subscription.unsubscribe()
  }
  console.log(
    `\nSUBSCRIBE with last=10 from ${figure(STORED)} stored messages: ${median(times).toFixed(2)} ms to the SUBACK`,
  )
}

export async function presenceOfMany(hub: BenchHub): Promise<void> {
  const key = hub.emitter?.channel_key ?? ''
  await using emitter = await joined(hub)
  const sockets: Socket[] = []
  try {
    for (let n = 0; n < PEOPLE; n += 100) {
      sockets.push(
        ...(await Promise.all(Array.from({ length: 100 }, () => person(hub.ports.websocket, `${key}/demo/p/`)))),
      )
    }
    const times: number[] = []
    let people = 0
    for (let n = 0; n < ASKED; n++) {
      const begun = performance.now()
      people = (await emitter.presence({ key, channel: 'demo/p', changes: false })).who.length
      times.push(performance.now() - begun)
    }
    console.log(
      `\npresence of ${figure(people)} subscribers of one channel: ${median(times).toFixed(1)} ms from question to list`,
    )
  } finally {
    for (const socket of sockets) socket.destroy()
  }
}

async function person(port: number, filter: string): Promise<Socket> {
  const socket = connectSocket({ port, host: '127.0.0.1' })
  const subscribe = Buffer.concat([
    Buffer.of(0x82, filter.length + 5, 0, 1, 0, filter.length),
    Buffer.from(filter),
    Buffer.of(0),
  ])
  socket.write(Buffer.concat([Buffer.from('100c00044d5154540402000000000000'.slice(0, 28), 'hex'), subscribe]))
  let came = 0
  while (came < 9) came += ((await once(socket, 'data')) as [Buffer])[0].length
  return socket
}
