import type { Login, Principal, SessionOwner, Verdict } from '../../src/mqtt/dialect.ts'
import type { OverflowPolicy } from '../../src/mqtt/limits.ts'
import { OpenDialect } from './stage.ts'

/** Each client is an account of its own; some have a policy. */
export class PolicyDialect extends OpenDialect {
  readonly #policies: ReadonlyMap<string, OverflowPolicy>

  constructor(policies: ReadonlyMap<string, OverflowPolicy>) {
    super()
    this.#policies = policies
  }

  override authenticate({ clientId }: Login): Verdict {
    return { accepted: true, principal: this.#principalOf(clientId) }
  }

  override restore({ clientId }: SessionOwner): Principal {
    return this.#principalOf(clientId)
  }

  #principalOf(clientId: string): Principal {
    return { ...this.principal(), account: clientId, overflow: this.#policies.get(clientId) }
  }
}
