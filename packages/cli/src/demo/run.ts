/** `halyard hub --demo`: a hub, a sensor with an outbox on disk, a bad link between them, and a view of it all. */
import { join } from 'node:path'
import { HalyardError, Outbox, describeError } from '@halyard/core'
import { nodeClock } from '@halyard/core/node'
import type { HologramCloud } from '@halyard/hologram'
import type { Hub, HubMessage, HubOptions } from '@halyard/hub'
import type { Context } from '../context.ts'
import { hubLogger } from '../hub/log.ts'
import { willBeFirstStart } from '../hub/first-start.ts'
import { reachableHost, sendCommand, welcomeLines } from '../hub/welcome.ts'
import type { Welcome } from '../hub/welcome.ts'
import { paint } from '../text/paint.ts'
import { count } from '../text/units.ts'
import { oneLine } from '../text/width.ts'
import { Cable } from './cable.ts'
import { LiveView } from './live-view.ts'
import { plainView } from './plain-view.ts'
import { SENSOR_TOPIC, Thermometer, decodeReading, encodeReading } from './sensor.ts'
import { Story } from './story.ts'

/** Milliseconds between two readings. */
const INTERVAL = 1000
/** Seconds of silence after which the sensor takes the link for dead. */
const TIMEOUT = 3

export async function runDemo(
  options: HubOptions,
  welcomeOf: (hub: Hub, isFirstStart: boolean) => Welcome,
  context: Context,
): Promise<number> {
  const { terminal, load } = context
  const stopping = new AbortController()
  const stop = (): void => (stopping.signal.aborted ? terminal.exit(130) : stopping.abort())
  const isLive = terminal.screen.isTerminal && terminal.colour.output
  const resources: (Disposable | AsyncDisposable)[] = [terminal.onInterrupt(() => stopping.abort())]
  let view: LiveView | undefined
  try {
    const story = new Story(isLive ? { onArrival: () => view?.depart() } : plainView(terminal))
    const logger = hubLogger((line) => {
      if (view) story.note('bad', oneLine(line), new Date())
      else terminal.error(line)
    }, terminal.environment)

    const isFirstStart = willBeFirstStart(options)
    const { createHub } = await load.hub()
    const hub = await createHub({ ...options, logger })
    resources.push(hub)
    const welcome = welcomeOf(hub, isFirstStart)
    for (const line of welcomeLines(welcome, paint(terminal.colour.output))) terminal.print(line)
    if (!isLive) terminal.print('')

    const arrivals = showArrivals(hub, story)
    const device = await startDevice(hub, welcome, story, context, resources)
    if (isLive) {
      const { ports, data } = hub.ready
      const at = { host: reachableHost(welcome.host), front: ports.front, hologram: ports.hologram ?? 0, data }
      const scene = { story, hub: at, command: sendCommand(welcome) ?? '', startedAt: new Date() }
      view = new LiveView({ terminal, scene, onSpace: () => void device.cable.toggle(), onQuit: stop })
    }
    await device.run(stopping.signal)
    view?.[Symbol.dispose]()
    view = undefined
    await dispose(resources)
    await arrivals
    for (const line of ['', ...farewell(story, welcome)]) terminal.print(line)
    return 0
  } finally {
    view?.[Symbol.dispose]()
    await dispose(resources)
  }
}

/** The newest first; each once. */
async function dispose(resources: (Disposable | AsyncDisposable)[]): Promise<void> {
  for (let last = resources.pop(); last !== undefined; last = resources.pop()) {
    if (Symbol.asyncDispose in last) await last[Symbol.asyncDispose]()
    else last[Symbol.dispose]()
  }
}

interface Device {
  readonly cable: Cable
  /** Measures and sends until the signal fires. */
  run(signal: AbortSignal): Promise<void>
}

/** The sensor, its outbox, and the cable that it hangs on. What was opened joins `resources`. */
async function startDevice(
  hub: Hub,
  { host, ready }: Welcome,
  story: Story,
  { load }: Context,
  resources: (Disposable | AsyncDisposable)[],
): Promise<Device> {
  const account = hub.accounts.hologram
  const port = hub.ports.hologram
  if (account === undefined || port === undefined) {
    throw new HalyardError(
      'ERR_DEMO_ACCOUNT',
      `the demo needs the sample account, which was removed from this hub; name another directory with --data`,
    )
  }
  const { FaultProxy } = await load.testkit()
  const proxy = await FaultProxy.open({ target: { host: reachableHost(host), port } })
  resources.push(proxy)
  const outbox = await openOutbox(ready.data, story)
  resources.push(outbox)
  const { HologramCloud } = await load.hologram()
  const cloud = new HologramCloud(account, { sendHost: proxy.host, sendPort: proxy.port, outbox, enableInbound: false })
  resources.push(cloud)
  const cable = new Cable({
    proxy,
    story,
    clock: nodeClock(),
    random: Math.random,
    onBack: () => cloud.network.connect(),
  })
  return {
    cable,
    run: (signal) => Promise.all([cable.run(signal), measure(cloud, story, signal)]).then(() => {}),
  }
}

/** Opened before the client, so that what an earlier run left is known before it goes out. */
async function openOutbox(data: string, story: Story): Promise<Outbox> {
  const outbox = await Outbox.open(data === ':memory:' ? {} : { path: join(data, 'demo-outbox') })
  const left: string[] = []
  for await (const { id } of outbox.entries({ state: 'queued' })) left.push(id)
  story.foundBacklog(left, new Date())
  outbox.on('delivered', ({ id }) => story.delivered(id, new Date()))
  outbox.on('dropped', ({ id, reason = 'no reason is known' }) => story.refused(id, oneLine(reason), new Date()))
  return outbox
}

function measure(cloud: HologramCloud, story: Story, signal: AbortSignal): Promise<void> {
  const thermometer = new Thermometer(Math.random)
  const sendOne = (): void => {
    const reading = encodeReading(thermometer.read(new Date()))
    story.handedOver()
    cloud.sendMessage(reading, { topics: [SENSOR_TOPIC], timeout: TIMEOUT }).then(
      ({ id, buffered }) => buffered && story.queued(id),
      (error: unknown) => story.note('bad', oneLine(describeError(error)), new Date()),
    )
  }
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const timer = setInterval(sendOne, INTERVAL)
    sendOne()
    const end = (): void => {
      clearInterval(timer)
      resolve()
    }
    signal.addEventListener('abort', end, { once: true })
  })
}

/** Told by the hub itself, after its commit. Ends when the hub closes. */
async function showArrivals(hub: Hub, story: Story): Promise<void> {
  for await (const message of hub.messages()) {
    const reading = message.channel === SENSOR_TOPIC ? decodeReading(message.payload) : undefined
    const text = reading === undefined ? guestText(message) : `${reading.celsius.toFixed(1)} °C`
    story.arrived(text, message.receivedAt, { measuredAt: reading?.at })
  }
}

function guestText({ account, channel, payload }: HubMessage): string {
  const text = new TextDecoder().decode(payload.subarray(0, 400))
  return oneLine(`${text}  from ${account}${channel === '' ? '' : `, topic ${channel}`}`)
}

function farewell(story: Story, { ready }: Welcome): string[] {
  const { sent, acknowledged, earlier, later, depth } = story
  const details = [`${acknowledged} acknowledged`]
  if (earlier > 0) details.push(`${earlier} of them from an earlier run`)
  if (later > 0) details.push(`${later} after waiting`)
  const lines = [`The sensor sent ${count(sent, 'message')}: ${details.join(', ')}.`]
  if (depth === 0) return [...lines, 'Nothing waits.']
  return ready.data === ':memory:'
    ? [...lines, `${depth} still waited, and are gone: a hub in memory has an outbox in memory.`]
    : [...lines, `${depth} still wait in ${join(ready.data, 'demo-outbox')}: the next start delivers them.`]
}
