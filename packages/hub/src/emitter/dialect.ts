import { randomBytes } from 'node:crypto'
import { formatConnectionId } from '@halyard/wire/emitter'
import type {
  Dialect,
  DialectConnection,
  Login,
  Principal,
  PublishPlan,
  SessionOwner,
  SubscribeOptions,
  SubscribePlan,
  Verdict,
} from '../mqtt/dialect.ts'
import type { EmitterBroker } from './broker.ts'
import { tellFailure } from './broker.ts'
import { EmitterPrincipal, principalOf } from './principal.ts'
import { planPublish } from './publish-plan.ts'
import {
  channelOfName,
  inIndex,
  keyOfName,
  mayRead,
  nameOfFilter,
  parseFilter,
  planSubscribe,
} from './subscribe-plan.ts'
import { readChannel } from './topics.ts'
import { nameWill, planWill } from './will-plan.ts'

export interface EmitterDialectParts {
  readonly broker: EmitterBroker
  /** Of the password of CONNECT, which is the secret of a session that lasts. */
  readonly hashSecret: (secret: Uint8Array) => string
}

/** MQTT as Emitter speaks it: everybody may come in, and shows a key in each topic. */
export class EmitterDialect implements Dialect {
  readonly name = 'emitter'
  readonly #parts: EmitterDialectParts
  #keysEpoch = 0

  constructor(parts: EmitterDialectParts) {
    this.#parts = parts
  }

  /** Without a secret nobody can prove that a session is his: it ends with its connection, and nobody else can take it over. */
  authenticate({ username, password, address }: Login): Verdict {
    const secret = password !== undefined && password.length > 0 ? this.#parts.hashSecret(password) : undefined
    return { accepted: true, principal: this.#principal({ name: username, secret, address }) }
  }

  restore({ space, account, name }: SessionOwner): Principal | undefined {
    // Under another licence its keys are none.
    if (space !== this.#parts.broker.space) return undefined
    return this.#principal({ name, secret: account, address: '' })
  }

  plan(principal: Principal, topic: string): PublishPlan {
    return planPublish(this.#parts.broker, principal as EmitterPrincipal, topic)
  }

  subscribe(principal: Principal, filter: string, options: SubscribeOptions): SubscribePlan {
    return planSubscribe(this.#parts.broker, principal as EmitterPrincipal, filter, options)
  }

  unsubscribe(
    _principal: Principal,
    name: string,
  ): { readonly space: string; readonly filter: string; readonly share: string | undefined } {
    const { broker } = this.#parts
    const channel = readChannel(channelOfName(name))
    return { space: broker.space, ...(channel ? inIndex(broker, channel) : { filter: name, share: undefined }) }
  }

  /**
   * What a SUBSCRIBE with the same key has made, whatever has become of the key; else what another key has made for the
   * channel, if this one may read it.
   */
  meantBy(connection: DialectConnection, filter: string, packetId: number): readonly string[] {
    const { broker } = this.#parts
    const topic = parseFilter(filter)
    // It may have ten thousand subscriptions, and name thousands in one packet: they are not walked.
    const names = topic ? broker.presence.namesOf(connection, topic.channel) : []
    const wanted = topic && nameOfFilter(broker, topic)
    if (wanted !== undefined && names.includes(wanted)) return [wanted]
    if (topic && mayRead(broker, principalOf(connection), topic)) return names
    tellFailure(connection, topic ? 'unauthorized' : 'bad-request', packetId, broker)
    return []
  }

  /** A key. */
  dependsOn(name: string): string {
    return keyOfName(name)
  }

  /** Its end in time is the engine's affair. */
  mayKeep(_principal: Principal, name: string): boolean {
    return this.#parts.broker.authority.holds(keyOfName(name))
  }

  nameWill(principal: Principal, topic: string): string {
    return nameWill(this.#parts.broker, principal as EmitterPrincipal, topic)
  }

  planWill(_principal: Principal, name: string): PublishPlan {
    return planWill(this.#parts.broker, name)
  }

  connected(connection: DialectConnection): void {
    for (const name of connection.subscriptions) this.subscribed(connection, name)
  }

  disconnected(connection: DialectConnection): void {
    this.#parts.broker.presence.gone(connection)
  }

  subscribed(connection: DialectConnection, name: string): void {
    this.#parts.broker.presence.joined(connection, channelOfName(name), name)
  }

  unsubscribed(connection: DialectConnection, name: string): void {
    this.#parts.broker.presence.left(connection, channelOfName(name), name)
  }

  /** Its key was banned, or has ended. */
  ended(connection: DialectConnection, name: string): void {
    this.unsubscribed(connection, name)
    tellFailure(connection, 'unauthorized', 0, this.#parts.broker)
  }

  /** A key is worth something else now: every plan is made anew. */
  keysChanged(): void {
    this.#keysEpoch++
  }

  #principal(who: {
    readonly name: string | undefined
    readonly secret: string | undefined
    readonly address: string
  }): EmitterPrincipal {
    const id = formatConnectionId(randomBytes(16))
    return new EmitterPrincipal({
      dialect: this,
      space: this.#parts.broker.space,
      account: who.secret ?? id,
      name: who.name,
      mayPersist: who.secret !== undefined,
      address: who.address,
      id,
      keysEpoch: () => this.#keysEpoch,
    })
  }
}
