// Some devices of the soak in one process: each sends messages and a few SMS through an outbox of its own, listens on a
// socket of its own, and loses its network now and then. Says what it promised on standard output, each line in one
// write(2), so that a kill takes back nothing that was said. It runs what is shipped (`dist`).
//
//   node devices.mjs PLAN          PLAN is JSON: `DevicesPlan` in fleet.ts
//
// Lines out: `open DEVICE PORT`, `queued ID`, `delivered ID`, `dropped ID REASON`, `received DEVICE TEXT`, `heap BYTES`,
// `error TEXT`, `idle`. Lines in: `finish`: makes nothing new, lets everything go out, says `idle`. At the end of the
// input it closes all and ends: also when whoever started it is gone.
import { setMaxListeners } from 'node:events'
import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import { HologramCloud } from '@halyard/hologram'
import { seededRandom } from '@halyard/testkit'

/** @type {import('./fleet.ts').DevicesPlan} */
const plan = JSON.parse(process.argv[2] ?? '{}')
const random = seededRandom(plan.seed)
const say = (/** @type {string} */ line) => void writeSync(1, `${line.replaceAll('\n', ' ')}\n`)
const ended = new AbortController()
const finishing = new AbortController()
setMaxListeners(0, finishing.signal)

/** @param {import('./fleet.ts').DevicePlan} device */
async function start(device) {
  const { name, host, port, receiveHost, receivePort, path } = device
  const cloud = new HologramCloud(
    { cloud_id: device.cloudId, cloud_key: device.cloudKey },
    {
      sendHost: host,
      sendPort: port,
      receiveHost,
      receivePort,
      enableInbound: false,
      outbox: path === undefined ? {} : { path },
    },
  )
  cloud.event.subscribe('error', ({ message }) => say(`error ${name}: ${message}`))
  // Before the connection is closed, which is what tells the hub that it arrived.
  cloud.event.subscribe('message.received', ({ text }) => say(`received ${name} ${text}`))
  const outbox = await cloud.outbox
  for (const state of /** @type {const} */ (['queued', 'delivered', 'dropped'])) {
    outbox.on(state, ({ id, reason }) => say(`${state} ${id} ${reason ?? ''}`.trimEnd()))
  }
  await cloud.openReceiveSocket()
  say(`open ${name} ${cloud.receivePort}`)
  return { name, cloud, outbox, random: random.fork() }
}

/**
 * Until the end of the soak: a message, a pause, now and then an SMS.
 * @param {Awaited<ReturnType<typeof start>>} device
 */
async function send({ name, cloud, random }) {
  const failed = (/** @type {Error} */ error) => say(`error ${name}: ${error.message}`)
  for (let number = 1; await pause(random, plan.interval); number++) {
    const isSms = random.chance(plan.smsShare)
    const id = `${name}.${plan.generation}.${number}${isSms ? 's' : ''}`
    const control = { id, timeout: 3 }
    const text = `${id} ${'.'.repeat(random.integer(100))}`
    if (isSms) cloud.sendSMS('+15550100', text, control).catch(failed)
    else cloud.sendMessage(text, { ...control, topics: ['soak', name] }).catch(failed)
  }
}

/**
 * Its modem loses the network and finds it again.
 * @param {Awaited<ReturnType<typeof start>>} device
 */
async function flap({ cloud, random }) {
  while (await pause(random, plan.interval * 20)) {
    await cloud.network.disconnect()
    await pause(random, plan.interval)
    await cloud.network.connect()
  }
}

/**
 * Seconds, as long on average; false at the end.
 * @param {ReturnType<typeof seededRandom>} random
 * @param {number} mean
 */
async function pause(random, mean) {
  const milliseconds = Math.min(10 * mean, -Math.log(1 - random.float()) * mean) * 1000
  await wait(milliseconds, undefined, { signal: finishing.signal }).catch(() => {})
  return !finishing.signal.aborted
}

const devices = await Promise.all(plan.devices.map(start))
const work = devices.flatMap((device) => [send(device), flap(device)])
void (async () => {
  const beat = { signal: ended.signal, ref: false }
  for (; !ended.signal.aborted; await wait(plan.beat * 1000, undefined, beat).catch(() => {})) {
    say(`heap ${process.memoryUsage().heapUsed}`)
  }
})()

for await (const line of createInterface({ input: process.stdin })) {
  if (line !== 'finish') continue
  finishing.abort()
  await Promise.all(work)
  // A link that was mended is known to be up: what waits need not wait for its next try.
  for (const { cloud } of devices) await cloud.network.connect()
  await Promise.all(devices.map(({ outbox }) => outbox.idle()))
  say('idle')
}
finishing.abort()
ended.abort()
await Promise.all(work)
await Promise.all(devices.map(({ cloud }) => cloud.close()))
