import { describeError } from '@halyard/core'
import type { Logger } from '@halyard/core'
import { REASON } from '@halyard/wire/mqtt'
import type { AccessRule } from '../../domain/mqtt-account-book.ts'
import type { Login, Verdict } from '../dialect.ts'
import { PlainTopics, refused } from './plain-topics.ts'

/** What a client says of itself when it connects. */
export interface MqttLogin {
  /** `''`: the server makes one. */
  readonly clientId: string
  readonly username: string | undefined
  readonly password: Uint8Array | undefined
  /** The IPv4 address, or the /64 of an IPv6 address. */
  readonly address: string
  /** The common name of its certificate, if `tls.ca` has signed that. */
  readonly certificateName: string | undefined
}

/** `true`: every topic, and `$SYS` to read; a list: what it allows; `false`: it may not come in. */
export type MqttAdmission = boolean | { readonly access: readonly AccessRule[] }

export type Authenticate = (login: MqttLogin) => MqttAdmission | Promise<MqttAdmission>

/** Who may come in is what a function says. */
export class CallbackDialect extends PlainTopics {
  readonly #authenticate: Authenticate
  readonly #isOwn: (address: string) => boolean
  readonly #logger: Logger

  /** `isOwn`: connections of this process, which nobody is asked about. */
  constructor(parts: {
    readonly authenticate: Authenticate
    readonly isOwn: (address: string) => boolean
    readonly logger: Logger
  }) {
    super()
    this.#authenticate = parts.authenticate
    this.#isOwn = parts.isOwn
    this.#logger = parts.logger
  }

  authenticate(login: Login): Verdict | Promise<Verdict> {
    if (this.#isOwn(login.address)) return this.#conclude(login, true)
    const { clientId, username, password, address, certificateName } = login
    try {
      const admission = this.#authenticate({ clientId, username, password, address, certificateName })
      if (!(admission instanceof Promise)) return this.#conclude(login, admission)
      return admission.then(
        (known) => this.#conclude(login, known),
        (error: unknown) => this.#failed(error),
      )
    } catch (error) {
      return this.#failed(error)
    }
  }

  #conclude(login: Login, admission: MqttAdmission): Verdict {
    if (admission === false) return refused(REASON.badUserNameOrPassword, 'authenticate() has refused it')
    const { username } = login
    const access = admission === true ? undefined : admission.access
    // Two users may have the same client id.
    return this.accept(
      login,
      username === undefined && access === undefined ? undefined : { username: username ?? '', access },
    )
  }

  #failed(error: unknown): Verdict {
    this.#logger.error({ err: error }, `mqtt: authenticate() failed: ${describeError(error)}`)
    return refused(REASON.serverUnavailable, 'authenticate() failed')
  }
}
