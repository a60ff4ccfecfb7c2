import type { Packet, Publish } from '@halyard/wire/mqtt'
import { KeptStage } from '../ledger/kept-stage.ts'
import { Stage } from '../stage.ts'
import { SMALL_PACKETS, bytesOf } from './actor.ts'
import type { Actor } from './actor.ts'
import { Comparison, same } from './comparison.ts'
import type { Answer } from './comparison.ts'
import { Model } from './model.ts'
import { crash, restart } from './restart.ts'
import type { Flight, Message, Session, Will } from './state.ts'
import type { Step } from './script.ts'

const LIMITS = { window: 3, queued: 5 }

/** Plays a script to the engine and to the model, and throws where they differ. */
export async function play(
  steps: readonly Step[],
  makeStage: MakeStage = (limits) => new Stage(limits),
  behindEach: () => Promise<void> = async () => {},
): Promise<void> {
  const player = new Player(await makeStage({ window: LIMITS.window, queuedMessages: LIMITS.queued }))
  try {
    await playAll(player, steps, behindEach)
  } finally {
    await player.stage.close()
  }
}

export type MakeStage = (limits: { readonly window: number; readonly queuedMessages: number }) => Stage | Promise<Stage>

async function playAll(player: Player, steps: readonly Step[], behindEach: () => Promise<void>): Promise<void> {
  for (const [at, step] of steps.entries()) {
    try {
      await player.play(step)
      await behindEach()
    } catch (error) {
      throw new Error(`step ${at}, ${step.do}: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      })
    }
  }
  await player.end()
}

class Player {
  readonly stage: Stage
  readonly model = new Model(LIMITS)
  readonly actors: readonly Actor[] = [0, 1, 2, 3].map((number) => ({
    name: `client ${number}`,
    connection: undefined,
    maxAliases: 0,
    unacknowledged: [],
    held: [],
    lastId: 0,
    aliasesIn: new Map(),
    aliasesOut: new Map(),
  }))
  readonly #comparison: Comparison
  #messages = 0

  constructor(stage: Stage) {
    this.stage = stage
    this.#comparison = new Comparison(stage, this.model, this.actors)
  }

  async play(step: Step): Promise<void> {
    if (step.do === 'wait') {
      for (let second = 0; second < step.seconds; second++) {
        await this.stage.clock.advance(1000)
        await this.#compare(() => (this.model.tick(), []))
      }
      return
    }
    if (step.do === 'restart') return this.#restart(step)
    const actor = this.actors[step.who] as Actor
    if (step.do === 'connect') return this.#connect(actor, step)
    const session = this.model.sessionOf(actor.name)
    if (!session?.connection || !actor.connection) return
    switch (step.do) {
      case 'subscribe':
        return this.#subscribe(actor, session, step)
      case 'unsubscribe': {
        const packetId = this.#nextId(actor)
        actor.connection.send({ type: 'unsubscribe', packetId, filters: step.filters })
        return this.#compare(() => {
          const codes = step.filters.map((filter) => (this.model.unsubscribe(session, filter) ? 0 : 0x11))
          return [[actor, { type: 'unsuback', packetId, reasonCodes: session.connection?.version === 5 ? codes : [] }]]
        })
      }
      case 'publish':
        return this.#publish(actor, session, step)
      case 'repeat': {
        const [first] = actor.held
        return first && this.#sendPublish(actor, session, { ...first, dup: true }, undefined, true)
      }
      case 'release': {
        const first = actor.held.shift()
        if (first?.packetId === undefined) return
        return this.#releasePublished(actor, session, first.packetId)
      }
      case 'acknowledge': {
        const flight = actor.unacknowledged[step.which % Math.max(1, actor.unacknowledged.length)]
        return flight && this.#acknowledge(actor, session, [flight], step.fail)
      }
      case 'acknowledge all':
        return this.#acknowledge(actor, session, [...actor.unacknowledged], false)
      case 'disconnect':
      case 'drop':
        return this.#leave(actor, session, step)
    }
  }

  /** Everybody goes for good: nothing may be left. */
  async end(): Promise<void> {
    for (const actor of this.actors) {
      const who = this.actors.indexOf(actor)
      const plain = { expiry: 0, window: 1, aliases: 0, takesBig: true, will: undefined }
      await this.play({ do: 'connect', who, version: 4, clean: true, ...plain })
      await this.play({ do: 'disconnect', who, reason: 0, expiry: undefined })
    }
    const { server, store, clients, logger } = this.stage
    const { broker } = server
    same('sessions', broker.sessions.size, 0)
    same('messages held', [store.count, store.bytes], [0, 0])
    same('wills', broker.wills.size, 0)
    same('connections', [server.connections, broker.counters.connections], [0, 0])
    same(
      'subscriptions',
      [...broker.spaces].map(({ subscriptions }) => subscriptions).filter((count) => count > 0),
      [],
    )
    same('pieces changed after they were written', clients.filter(({ transport }) => transport.spoilt > 0).length, 0)
    same('errors', logger.errors, [])
  }

  // The steps.

  /** The power goes, and comes again. */
  async #restart(step: Extract<Step, { do: 'restart' }>): Promise<void> {
    const { stage, model, actors } = this
    if (!(stage instanceof KeptStage)) throw new Error('this stage keeps nothing')
    const lost: Publish = {
      type: 'publish',
      dup: false,
      packetId: 65_535,
      payload: Buffer.from(this.#newPayload()),
      topic: step.lost.topic,
      qos: step.lost.qos,
      retain: step.lost.retain,
    }
    await crash(stage, step, (actors[step.lost.who] as Actor).connection, lost)
    for (const actor of actors) actor.connection = undefined
    await this.#compare(() => (restart(model, step.seconds, stage), []))
  }

  async #connect(actor: Actor, step: Extract<Step, { do: 'connect' }>): Promise<void> {
    const { version, clean, window, takesBig } = step
    const before = actor.connection
    const will = this.#willOf(actor, step)
    const maxAliases = version === 5 ? step.aliases : 0
    const client = await this.stage.openClient(version)
    client.send({
      type: 'connect',
      version,
      clientId: actor.name,
      cleanStart: clean,
      keepAlive: 0,
      ...(will && {
        will: {
          topic: will.message.topic,
          payload: bytesOf(will.message),
          qos: will.message.qos,
          retain: will.message.retain,
          ...(version === 5 && {
            properties: {
              willDelayInterval: will.delay,
              ...(will.lifetime !== Infinity && { messageExpiryInterval: will.lifetime }),
            },
          }),
        },
      }),
      ...(version === 5 && {
        properties: {
          sessionExpiryInterval: step.expiry,
          receiveMaximum: window,
          topicAliasMaximum: maxAliases,
          ...(!takesBig && { maximumPacketSize: SMALL_PACKETS }),
        },
      }),
    })
    // What the connection before got from here on is compared too, then it must be over.
    actor.connection = client
    Object.assign(actor, { aliasesIn: new Map(), aliasesOut: new Map(), maxAliases, unacknowledged: [] })
    await this.#compare(() => {
      const expiry = version === 5 ? step.expiry : clean ? 0 : Infinity
      const isPresent = this.model.connect(
        actor.name,
        {
          version,
          will,
          window: version === 5 ? Math.min(window, LIMITS.window) : LIMITS.window,
          takesBig: version !== 5 || takesBig,
        },
        clean,
        expiry,
      )
      if (!isPresent) actor.held = []
      return [[actor, { type: 'connack', sessionPresent: isPresent, reasonCode: 0 }]]
    })
    if (before === undefined) return
    await before.over()
    const farewell = before.take().at(-1)
    if (before.version === 5)
      same('the farewell of a session taken over', farewell, { type: 'disconnect', reasonCode: 0x8e })
  }

  #willOf({ name }: Actor, { will, version }: Extract<Step, { do: 'connect' }>): Will | undefined {
    if (!will) return undefined
    const message: Message = {
      topic: `w/${name.at(-1)}`,
      payload: this.#newPayload(),
      qos: will.retain ? 0 : will.qos,
      retain: will.retain,
      expiresAt: Infinity,
      contentType: undefined,
      isBig: false,
    }
    if (version !== 5) return { message, delay: 0, lifetime: Infinity }
    return { message, delay: will.delay, lifetime: will.lifetime ?? Infinity }
  }

  #subscribe(actor: Actor, session: Session, step: Extract<Step, { do: 'subscribe' }>): Promise<void> {
    const is5 = actor.connection?.version === 5
    const packetId = this.#nextId(actor)
    const subscriptions = step.filters.map((wish) => ({
      ...wish,
      noLocal: is5 && wish.noLocal && !wish.filter.startsWith('$share/'),
      retainAsPublished: is5 && wish.retainAsPublished,
      retainHandling: is5 ? wish.retainHandling : (0 as const),
    }))
    const identifier = is5 ? step.identifier : 0
    actor.connection?.send({
      type: 'subscribe',
      packetId,
      subscriptions,
      ...(identifier > 0 && { properties: { subscriptionIdentifier: identifier } }),
    })
    return this.#compare(() => {
      this.model.subscribe(
        session,
        subscriptions.map((wish) => ({ ...wish, identifier })),
      )
      return [[actor, { type: 'suback', packetId, reasonCodes: subscriptions.map(({ qos }) => qos) }]]
    })
  }

  async #publish(actor: Actor, session: Session, step: Extract<Step, { do: 'publish' }>): Promise<void> {
    const { topic, isEmpty, expiry, contentType, alias, hold } = step
    const is5 = actor.connection?.version === 5
    const isShared = topic.startsWith('$g')
    // Retained messages come in no order: more than one of QoS 1 would make the order of a queue free.
    const retain = step.retain && !isShared
    const qos = retain && topic !== 'r' ? 0 : step.qos
    const payload = retain && isEmpty ? '' : this.#newPayload()
    const message: Message = {
      topic,
      payload,
      qos,
      retain,
      isBig: step.isBig && !isShared && payload !== '',
      expiresAt: is5 && expiry !== undefined ? this.model.now + expiry : Infinity,
      contentType: is5 ? contentType : undefined,
    }
    const properties = {
      ...(is5 && expiry !== undefined && { messageExpiryInterval: expiry }),
      ...(is5 && contentType !== undefined && { contentType }),
    }
    const packet: Publish = {
      type: 'publish',
      topic,
      payload: bytesOf(message),
      qos,
      retain,
      dup: false,
      properties,
      ...(qos > 0 && { packetId: this.#nextId(actor) }),
    }
    if (qos === 2) actor.held.push(packet)
    await this.#sendPublish(actor, session, packet, message, false, is5 ? alias : 0)
    if (qos !== 2 || hold || packet.packetId === undefined) return
    actor.held = actor.held.filter((other) => other !== packet)
    await this.#releasePublished(actor, session, packet.packetId)
  }

  /** `message`: left out for one that is sent again, which the hub must not deliver again. */
  #sendPublish(
    actor: Actor,
    session: Session,
    packet: Publish,
    message: Message | undefined,
    isAgain: boolean,
    alias = 0,
  ): Promise<void> {
    const { qos, packetId = 0, topic } = packet
    const isKnown = alias > 0 && actor.aliasesOut.get(alias) === topic
    if (alias > 0) actor.aliasesOut.set(alias, topic)
    const is5 = actor.connection?.version === 5
    actor.connection?.send({
      ...packet,
      topic: isKnown ? '' : topic,
      ...(is5
        ? { properties: { ...packet.properties, ...(alias > 0 && { topicAlias: alias }) } }
        : { properties: undefined as never }),
    })
    return this.#compare(() => {
      if (isAgain !== session.incoming.includes(packetId)) throw new Error('the script is wrong')
      const isWanted = message === undefined || this.model.publish(message, session)
      if (qos === 0) return []
      if (qos === 2 && !isAgain) session.incoming.push(packetId)
      const reasonCode = is5 && !isWanted ? 0x10 : 0
      return [[actor, { type: qos === 1 ? 'puback' : 'pubrec', packetId, reasonCode }]]
    })
  }

  #releasePublished(actor: Actor, session: Session, packetId: number): Promise<void> {
    actor.connection?.send({ type: 'pubrel', packetId, reasonCode: 0 })
    return this.#compare(() => {
      const isKnown = session.incoming.includes(packetId)
      session.incoming = session.incoming.filter((other) => other !== packetId)
      const reasonCode = !isKnown && actor.connection?.version === 5 ? 0x92 : 0
      return [[actor, { type: 'pubcomp', packetId, reasonCode }]]
    })
  }

  #acknowledge(actor: Actor, session: Session, flights: readonly Flight[], wish: boolean): Promise<void> {
    if (flights.length === 0) return Promise.resolve()
    const fail = wish && actor.connection?.version === 5
    const packets = flights.map(({ qos, released, packetId }): Packet => {
      if (qos === 1) return { type: 'puback', packetId, reasonCode: fail ? 0x80 : 0 }
      if (released) return { type: 'pubcomp', packetId, reasonCode: 0 }
      return { type: 'pubrec', packetId, reasonCode: fail ? 0x80 : 0 }
    })
    actor.unacknowledged = actor.unacknowledged.filter((flight) => !flights.includes(flight))
    actor.connection?.send(...packets)
    return this.#compare(() => {
      for (const flight of flights) this.model.acknowledge(session, flight, fail && !flight.released)
      return []
    })
  }

  async #leave(
    actor: Actor,
    session: Session,
    step: Extract<Step, { do: 'disconnect' }> | Extract<Step, { do: 'drop' }>,
  ): Promise<void> {
    const { connection } = actor
    actor.connection = undefined
    if (step.do === 'drop') {
      connection?.drop()
      return this.#compare(() => (this.model.leave(session, true), []))
    }
    const is5 = connection?.version === 5
    const reasonCode = is5 ? step.reason : 0
    const expiry = is5 && session.expiry > 0 ? step.expiry : undefined
    connection?.send({
      type: 'disconnect',
      reasonCode,
      ...(expiry !== undefined && { properties: { sessionExpiryInterval: expiry } }),
    })
    await this.#compare(() => {
      session.expiry = expiry ?? session.expiry
      this.model.leave(session, reasonCode !== 0)
      return []
    })
    await connection?.over()
  }

  #compare(model: () => readonly Answer[]): Promise<void> {
    return this.#comparison.compare(model)
  }

  #nextId(actor: Actor): number {
    return (actor.lastId = (actor.lastId % 65_535) + 1)
  }

  #newPayload(): string {
    return `m${++this.#messages}`
  }
}
