/**
 * What is not a queue, through a kill: retained messages, subscriptions, wills of connections that were open, the end of
 * sessions. Each round changes them until the server is killed, and looks at them when it runs again.
 */
import type { SeededRandom } from '@halyard/testkit'
import { setTimeout as wait } from 'node:timers/promises'
import { MqttClient, acknowledgement, publishPacket, within } from '../client.ts'
import type { ClientOptions } from '../client.ts'
import { Later } from '../later.ts'
import type { Server } from '../servers.ts'

const TOPICS = 40
const FILTERS = 20
/** milliseconds in which an acknowledgement comes on the slowest server */
const PATIENCE = 30_000
/** seconds of the session, and of the will, that are to end */
const SHORT = 1

export interface StateOptions {
  readonly server: Server
  readonly random: SeededRandom
  readonly rounds: number
  readonly onRound?: (round: number) => void
}

/** What was looked at, and how much of it was wrong. */
export interface Seen {
  looked: number
  wrong: number
}

export interface KeptState {
  readonly retained: Seen
  readonly subscriptions: Seen
  readonly wills: Seen
  /** None before 5.0, where a session has no end of its own. */
  readonly sessions: Seen
}

/** Leaves the server running. */
export async function keepState(options: StateOptions): Promise<KeptState> {
  const { server, random, rounds, onRound } = options
  const none = (): Seen => ({ looked: 0, wrong: 0 })
  const kept: KeptState = { retained: none(), subscriptions: none(), wills: none(), sessions: none() }
  const retained = new Changes()
  const subscribed = new Changes()
  await server.start()
  for (let round = 1; round <= rounds; round++) {
    onRound?.(round)
    const open = openerOf(server)
    // Watches wills and has no connection while they happen.
    const watcher = await open({ clientId: 'watcher' })
    await watcher.subscribe(['will/#', 'end'])
    await watcher.leave()
    const wills = await leaveWills(open, round, server.isModern)
    const sessions = server.isModern ? await leaveSessions(open, round) : []
    await Promise.all([
      changeRetained(open, random.fork(), round, retained),
      changeSubscriptions(open, random.fork(), subscribed),
      killSoon(server, random),
    ])
    await server.start()
    const again = openerOf(server)
    await checkWills(again, round, wills, kept.wills)
    await checkRetained(again, retained, kept.retained)
    await checkSubscriptions(again, subscribed, kept.subscriptions)
    await checkSessions(again, sessions, kept.sessions)
  }
  return kept
}

type Open = (options: ClientOptions) => Promise<MqttClient>

function openerOf(server: Server): Open {
  const { address } = server
  return (options) => MqttClient.open(address, { version: server.isModern ? 5 : 4, ...options })
}

async function killSoon(server: Server, random: SeededRandom): Promise<void> {
  await wait(20 + random.integer(200))
  await server.kill()
}

/** By name, what may be there: the last change that was acknowledged, or any that was begun since. */
class Changes {
  readonly #possible = new Map<string, string[]>()

  begin(name: string, value: string): void {
    this.#possible.set(name, [...this.possible(name), value])
  }

  acknowledge(name: string, value: string): void {
    const values = this.possible(name)
    this.settle(name, ...values.slice(values.indexOf(value)))
  }

  /** It is known what is there. */
  settle(name: string, ...values: readonly string[]): void {
    this.#possible.set(name, [...values])
  }

  possible(name: string): readonly string[] {
    return this.#possible.get(name) ?? ['']
  }
}

/** Sets and clears retained messages, several in flight, until the connection ends. */
async function changeRetained(open: Open, random: SeededRandom, round: number, changes: Changes): Promise<void> {
  const client = await open({ clientId: 'setter', clean: true })
  const workers = Array.from({ length: 4 }, async (_, worker) => {
    for (let number = 0; !client.isOver; number++) {
      // Each has topics of its own, so that the order of changes is known.
      const name = `state/${worker + 4 * random.integer(TOPICS / 4)}`
      const value = random.chance(0.2) ? '' : `${round}:${worker}:${number}`
      changes.begin(name, value)
      const isAcknowledged = await client.publish(name, value, true).then(
        () => true,
        () => false,
      )
      if (isAcknowledged) changes.acknowledge(name, value)
    }
  })
  await Promise.all(workers)
}

async function checkRetained(open: Open, changes: Changes, seen: Seen): Promise<void> {
  const found = new Map<string, string>()
  await lookUntilEnd(open, { clientId: 'looker', clean: true }, ['state/#'], (topic, payload) =>
    found.set(topic, payload),
  )
  for (let topic = 0; topic < TOPICS; topic++) {
    const name = `state/${topic}`
    const value = found.get(name) ?? ''
    seen.looked++
    if (!changes.possible(name).includes(value)) seen.wrong++
    changes.settle(name, value)
  }
}

/** A persistent session subscribes and unsubscribes until the connection ends. */
async function changeSubscriptions(open: Open, random: SeededRandom, changes: Changes): Promise<void> {
  const client = await open({ clientId: 'reader' })
  while (!client.isOver) {
    const name = `sub/${random.integer(FILTERS)}`
    const value = random.chance(0.5) ? 'on' : ''
    changes.begin(name, value)
    const answered = value === 'on' ? client.subscribe([name]) : client.unsubscribe(name)
    const isAcknowledged = await answered.then(
      () => true,
      () => false,
    )
    if (isAcknowledged) changes.settle(name, value)
  }
}

async function checkSubscriptions(open: Open, changes: Changes, seen: Seen): Promise<void> {
  const publisher = await open({ clientId: 'prober', clean: true })
  for (let filter = 0; filter < FILTERS; filter++) await publisher.publish(`sub/${filter}`, 'probe')
  await publisher.leave()
  const found = new Set<string>()
  await lookUntilEnd(open, { clientId: 'reader' }, [], (topic) => found.add(topic))
  for (let filter = 0; filter < FILTERS; filter++) {
    const name = `sub/${filter}`
    const value = found.has(name) ? 'on' : ''
    seen.looked++
    if (!changes.possible(name).includes(value)) seen.wrong++
    changes.settle(name, value)
  }
}

interface LeftWill {
  readonly name: string
  /** Whether it is to be published. */
  readonly isDue: boolean
}

/** Connections with wills: open at the kill, gone in peace before, cut before, or with a delay. */
async function leaveWills(open: Open, round: number, isModern: boolean): Promise<LeftWill[]> {
  const wills: LeftWill[] = []
  const leave = async (name: string, isDue: boolean, delay = 0): Promise<MqttClient> => {
    wills.push({ name, isDue })
    const properties = isModern && delay > 0 ? { properties: { willDelayInterval: delay } } : {}
    const will = { topic: `will/${name}`, payload: Buffer.from(String(round)), qos: 1, retain: false, ...properties }
    return await open({ clientId: name, will: { ...will, qos: 1 } })
  }
  await leave('open', true)
  await leave('open too', true)
  await (await leave('in peace', false)).leave()
  const cut = await leave('cut', true)
  cut.cut()
  if (isModern) {
    await leave('delayed', true, SHORT)
    // Its session comes back before the delay is over.
    await leave('resumed', false, 3600)
  }
  return wills
}

async function checkWills(open: Open, round: number, wills: readonly LeftWill[], seen: Seen): Promise<void> {
  if (wills.some(({ name }) => name === 'resumed')) await (await open({ clientId: 'resumed' })).leave()
  const found = new Set<string>()
  const due = wills.filter(({ isDue }) => isDue).map(({ name }) => name)
  const all = new Later<void>()
  const watcher = await open({
    clientId: 'watcher',
    onPacket: (packet, receiver) => {
      if (packet.type !== 'publish') return
      receiver.send(acknowledgement('puback', packet.packetId ?? 0))
      if (Buffer.from(packet.payload).toString() === String(round)) found.add(packet.topic.slice('will/'.length))
      if (due.every((name) => found.has(name))) all.resolve()
    },
  })
  // The watcher of a server that has forgotten it sees what comes from now on.
  if (!watcher.sessionPresent) await watcher.subscribe(['will/#', 'end'])
  await within(all.promise, 'wills', (SHORT + 2) * 1000).catch(() => {})
  await watcher.leave()
  for (const { name, isDue } of wills) {
    seen.looked++
    if (found.has(name) !== isDue) seen.wrong++
  }
}

interface LeftSession {
  readonly clientId: string
  readonly isDue: boolean
}

/** Sessions that end soon and late, with a connection at the kill and without. */
async function leaveSessions(open: Open, round: number): Promise<LeftSession[]> {
  const sessions: LeftSession[] = []
  for (const expiry of [0, SHORT, 3600]) {
    for (const isOpen of [false, true]) {
      const clientId = `session ${round} ${expiry} ${isOpen ? 'open' : 'left'}`
      const client = await open({ clientId, expiry })
      if (!isOpen) await client.leave()
      sessions.push({ clientId, isDue: expiry > SHORT })
    }
  }
  return sessions
}

async function checkSessions(open: Open, sessions: readonly LeftSession[], seen: Seen): Promise<void> {
  // A session that was connected counts from the end of its connection; what that was, the server may learn late.
  if (sessions.length > 0) await wait((SHORT + 0.5) * 1000)
  for (const { clientId, isDue } of sessions) {
    const client = await open({ clientId, expiry: 0 })
    seen.looked++
    if (client.sessionPresent !== isDue) seen.wrong++
    await client.leave()
  }
}

/** Takes what comes for a session until a last message has come that is published now. */
async function lookUntilEnd(
  open: Open,
  options: ClientOptions,
  filters: readonly string[],
  onMessage: (topic: string, payload: string) => void,
): Promise<void> {
  const end = new Later<void>()
  const client = await open({
    ...options,
    onPacket: (packet, receiver) => {
      if (packet.type !== 'publish') return
      if (packet.qos === 1) receiver.send(acknowledgement('puback', packet.packetId ?? 0))
      if (packet.topic === 'end') end.resolve()
      else onMessage(packet.topic, Buffer.from(packet.payload).toString())
    },
  })
  await client.subscribe(['end', ...filters])
  client.send(publishPacket({ topic: 'end', payload: 'end', qos: 1, packetId: 60_000 }))
  await within(end.promise, 'the last message', PATIENCE)
  await client.leave()
}
