import { REASON } from '@halyard/wire/mqtt'
import type { Auth } from '@halyard/wire/mqtt'
import type { Authenticator, AuthenticationStep, Login, Principal, ReasonCode } from './dialect.ts'

/** What an exchange needs of its connection. */
export interface ExchangingClient {
  readonly login: Login
  /** AUTH with 0x18: it is the client's turn. */
  challenge(auth: Auth): void
  granted(principal: Principal, data: Uint8Array | undefined): void
  refused(reason: ReasonCode, why: string): void
  /** Nothing more is read until the authenticator has made up its mind. */
  wait(): void
  goOn(): void
  failed(error: unknown): void
}

/**
 * Enhanced authentication (5.0 §4.12): challenges and responses in AUTH packets, in CONNECT's place at first, and again
 * whenever an open connection asks for it ([MQTT-4.12.1-1]).
 *
 * ```
 * CONNECT or AUTH 0x19 ──▶ authenticator ──continue──▶ AUTH 0x18 ──▶ client
 *                              ▲   └──granted, refused──▶ over     │
 *                              └────────── AUTH 0x18 ◀─────────────┘
 * ```
 */
export class Exchange {
  readonly #method: string
  readonly #client: ExchangingClient
  #next: ((data: Uint8Array | undefined) => AuthenticationStep | Promise<AuthenticationStep>) | undefined

  constructor(authenticator: Authenticator, client: ExchangingClient) {
    this.#method = authenticator.method
    this.#client = client
    this.#next = (data) => authenticator.start(client.login, data)
  }

  /** What the client said: at first the data of its CONNECT or of its AUTH 0x19. */
  receive(method: string | undefined, data: Uint8Array | undefined): void {
    const next = this.#next
    // [MQTT-4.12.0-5]: the method stays the one of CONNECT.
    if (method !== this.#method || next === undefined) {
      return this.#client.refused(REASON.protocolError, 'AUTH with another method, or out of its turn')
    }
    this.#next = undefined
    const step = next(data)
    if (!(step instanceof Promise)) return this.#take(step)
    this.#client.wait()
    step
      .then((known) => {
        this.#take(known)
        this.#client.goOn()
      })
      .catch((error: unknown) => this.#client.failed(error))
  }

  #take(step: AuthenticationStep): void {
    switch (step.kind) {
      case 'continue': {
        const { data } = step
        this.#next = step.next
        // [MQTT-4.12.0-2], [MQTT-4.12.0-3]
        const properties = { authenticationMethod: this.#method, ...(data && { authenticationData: data }) }
        return this.#client.challenge({ type: 'auth', reasonCode: REASON.continueAuthentication, properties })
      }
      case 'granted':
        return this.#client.granted(step.principal, step.data)
      case 'refused':
        return this.#client.refused(step.reason, step.why)
    }
  }
}
