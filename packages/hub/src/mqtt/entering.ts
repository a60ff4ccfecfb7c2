import { REASON } from '@halyard/wire/mqtt'
import type { Auth, ConnackProperties, Connect } from '@halyard/wire/mqtt'
import type { Transport } from '../domain/transport.ts'
import type { Broker } from './broker.ts'
import { endBefore, loginOf, objectionTo } from './connecting.ts'
import type { Principal, ReasonCode, Verdict } from './dialect.ts'
import { Exchange } from './enhanced-authentication.ts'

/** The connection that wants to come in. */
export interface EnteringClient {
  readonly isOpen: boolean
  /** Of an open connection. */
  readonly principal: Principal
  send(auth: Auth): void
  /** It is let in: session, CONNACK. `more`: what CONNACK says besides. */
  enter(connect: Connect, principal: Principal, more: ConnackProperties): void
  /** Before it is open: CONNACK; then: DISCONNECT. */
  turnAway(reason: ReasonCode, why: string): void
  /** Nothing more is read until {@link readAgain}. */
  wait(): void
  /** `waited`: ms that were not the client's. */
  readAgain(waited: number): void
  failed(error: unknown): void
}

/** Who it is: from CONNECT to the verdict, by password or by an exchange of AUTH packets, and again while it is open. */
export class Entering {
  readonly #broker: Broker
  readonly #transport: Transport
  readonly #client: EnteringClient
  /** Of those that came in by enhanced authentication: they may be asked again. */
  #connect: Connect | undefined
  #exchange: Exchange | undefined
  /** Monotonic ms since when somebody is asked; Infinity. */
  #askedAt = Infinity
  /** It may come in, when its session before has ended for good. */
  #isEnding = false
  #isOver = false

  constructor(broker: Broker, transport: Transport, client: EnteringClient) {
    this.#broker = broker
    this.#transport = transport
    this.#client = client
  }

  /** Somebody is asked who it is, or the disk is slow: the client can do nothing about that. */
  get isWaiting(): boolean {
    return this.#askedAt !== Infinity
  }

  /** Once a second. */
  sweep(now: number): void {
    if (now - this.#askedAt < this.#broker.limits.authenticateTimeout * 1000) return
    this.#askedAt = Infinity
    this.#broker.logger.warn({}, 'mqtt: a connection was refused: nobody said in time whether it may come in')
    // A DISCONNECT has no 0x88.
    const reason = this.#client.isOpen ? REASON.serverBusy : REASON.serverUnavailable
    this.#client.turnAway(reason, 'nobody said in time whether it may come in')
  }

  /** The peer has gone: whatever is said of it now does nothing. */
  end(): void {
    this.#isOver = true
  }

  receive(connect: Connect): void {
    const objection = objectionTo(connect, this.#broker.limits.topicLevels)
    if (objection) return this.#client.turnAway(objection.reason, objection.why)
    if (connect.properties?.authenticationMethod !== undefined) {
      return this.#begin(connect, connect.properties.authenticationData)
    }
    const verdict = this.#broker.authenticate(loginOf(connect, this.#transport))
    if (!(verdict instanceof Promise)) return this.#judge(connect, verdict)
    this.#wait()
    verdict
      .then((known) => {
        this.#judge(connect, known)
        this.#goOn()
      })
      .catch((error: unknown) => this.#client.failed(error))
  }

  /** False: it means nothing now. */
  receiveAuth({ reasonCode, properties }: Auth): boolean {
    const { authenticationMethod: method, authenticationData: data } = properties ?? {}
    if (reasonCode === REASON.continueAuthentication && this.#exchange) {
      this.#exchange.receive(method, data)
      return true
    }
    // [MQTT-4.12.1-1]: again, with the method of CONNECT.
    const isAgain = reasonCode === REASON.reAuthenticate && this.#client.isOpen && this.#exchange === undefined
    if (!isAgain || !this.#connect || method !== methodOf(this.#connect)) return false
    this.#begin(this.#connect, data)
    return true
  }

  #wait(): void {
    this.#askedAt = this.#broker.now()
    this.#client.wait()
  }

  #goOn(): void {
    if (this.#isEnding) return
    const waited = this.#broker.now() - this.#askedAt
    this.#askedAt = Infinity
    this.#client.readAgain(waited)
  }

  #judge(connect: Connect, verdict: Verdict): void {
    if (verdict.accepted) this.#enter(connect, verdict.principal, {})
    else this.#client.turnAway(verdict.reason, verdict.why)
  }

  /**
   * CONNACK of a new session says that the one before has ended ([MQTT-3.1.2-4]): it waits until that lasts. Else a crash
   * would bring back subscriptions that the client believes to be gone. Meanwhile another connection of the same client may
   * have begun one, which is ended in its turn.
   */
  #enter(connect: Connect, principal: Principal, more: ConnackProperties): void {
    if (this.#isOver) return
    const ended = endBefore(this.#broker, connect, principal)
    if (ended === 0) return this.#client.enter(connect, principal, more)
    if (!this.isWaiting) this.#wait()
    this.#isEnding = true
    this.#broker.keeper.when(ended, (error) => {
      this.#isEnding = false
      // What the journal does not take is no reason to refuse somebody: nothing that lasts is promised yet.
      if (error === undefined) this.#enter(connect, principal, more)
      else if (!this.#isOver) this.#client.enter(connect, principal, more)
      this.#goOn()
    })
  }

  #begin(connect: Connect, data: Uint8Array | undefined): void {
    const method = methodOf(connect)
    const authenticator = this.#broker.authenticators.get(method)
    // [MQTT-4.12.0-1]
    if (authenticator === undefined) {
      const why = 'it wants an authentication method that the hub does not have'
      return this.#client.turnAway(REASON.badAuthenticationMethod, why)
    }
    this.#connect = connect
    const client = this.#client
    this.#exchange = new Exchange(authenticator, {
      login: loginOf(connect, this.#transport),
      challenge: (auth) => client.send(auth),
      granted: (principal, answer) => this.#granted(connect, principal, answer),
      refused: (reason, why) => client.turnAway(reason, why),
      wait: () => this.#wait(),
      goOn: () => this.#goOn(),
      failed: (error) => client.failed(error),
    })
    this.#exchange.receive(method, data)
  }

  #granted(connect: Connect, principal: Principal, data: Uint8Array | undefined): void {
    this.#exchange = undefined
    const client = this.#client
    const properties = { authenticationMethod: methodOf(connect), ...(data && { authenticationData: data }) }
    if (!client.isOpen) return this.#enter(connect, principal, properties)
    const { space, account } = client.principal
    if (principal.space !== space || principal.account !== account) {
      return client.turnAway(REASON.notAuthorized, 'it authenticated again as somebody else')
    }
    client.send({ type: 'auth', reasonCode: REASON.success, properties })
  }
}

function methodOf({ properties }: Connect): string {
  return properties?.authenticationMethod ?? ''
}
