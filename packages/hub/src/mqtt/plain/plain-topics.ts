import { REASON, parseShared } from '@halyard/wire/mqtt'
import type { AccessRule } from '../../domain/mqtt-account-book.ts'
import type { OverflowPolicy } from '../limits.ts'
import type { Dialect, Login, Principal, PublishPlan, SubscribeOptions, SubscribePlan, Verdict } from '../dialect.ts'
import { AccessList, FULL_ACCESS } from './access-list.ts'

/** The one space in which all plain MQTT lives. */
export const PLAIN_SPACE = 'mqtt'

/** There is one for each session: its fields are those that differ. */
class PlainPrincipal implements Principal {
  readonly dialect: Dialect
  readonly account: string
  readonly name: string | undefined
  readonly access: AccessList
  readonly overflow: OverflowPolicy | undefined

  constructor(parts: Pick<PlainPrincipal, 'dialect' | 'account' | 'name' | 'access' | 'overflow'>) {
    this.dialect = parts.dialect
    this.account = parts.account
    this.name = parts.name
    this.access = parts.access
    this.overflow = parts.overflow
  }

  get space(): string {
    return PLAIN_SPACE
  }

  get mayPersist(): boolean {
    return true
  }

  get epoch(): number {
    return 0
  }
}

/** Of an account. */
interface Rights {
  readonly username: string
  readonly access?: readonly AccessRule[] | undefined
}

/** Topics mean what they say, and a list says what one may do with them. Who comes in is another's affair. */
export abstract class PlainTopics implements Dialect {
  readonly name = 'mqtt'
  /** Has no names in it: one for all. */
  readonly #full = new AccessList(FULL_ACCESS, { username: '', clientId: '' })
  readonly #overflow: ReadonlyMap<string, OverflowPolicy>

  /** `overflow`: by user name, for accounts whose policy is not that of the limits. */
  constructor(overflow: ReadonlyMap<string, OverflowPolicy> = new Map()) {
    this.#overflow = overflow
  }

  abstract authenticate(login: Login): Verdict | Promise<Verdict>

  plan(principal: Principal, topic: string): PublishPlan {
    const { access } = principal as PlainPrincipal
    if (!access.mayPublish(topic)) {
      return {
        kind: 'refuse',
        reason: REASON.notAuthorized,
        acknowledged: true,
        why: 'its access list does not allow it',
      }
    }
    return {
      kind: 'route',
      space: PLAIN_SPACE,
      channel: topic,
      topic,
      echo: true,
      mayRetain: true,
      store: 0,
      validUntil: Infinity,
    }
  }

  subscribe(principal: Principal, filter: string, { qos }: SubscribeOptions): SubscribePlan {
    const { access } = principal as PlainPrincipal
    const { share, filter: plain } = split(filter)
    if (!access.maySubscribe(plain)) {
      return { kind: 'refuse', reason: REASON.notAuthorized, why: 'its access list does not allow it' }
    }
    return { kind: 'subscribe', space: PLAIN_SPACE, filter: plain, share, qos, validUntil: Infinity }
  }

  unsubscribe(
    _principal: Principal,
    filter: string,
  ): { readonly space: string; readonly filter: string; readonly share: string | undefined } {
    return { space: PLAIN_SPACE, ...split(filter) }
  }

  /** `account`: none for those who come in without one. */
  protected accept({ clientId, username }: Login, account: Rights | undefined): Verdict {
    return { accepted: true, principal: this.principalOf(clientId, account?.username ?? username, account) }
  }

  protected principalOf(clientId: string, name: string | undefined, account: Rights | undefined): Principal {
    const { access: rules } = account ?? {}
    const access = rules ? new AccessList(rules, { username: name ?? '', clientId }) : this.#full
    const overflow = account && this.#overflow.get(account.username)
    // No account has an empty name: the sessions of those who have none are apart.
    return new PlainPrincipal({ dialect: this, account: account?.username ?? '', name, access, overflow })
  }
}

export function refused(reason: number, why: string): Verdict {
  return { accepted: false, reason, why }
}

function split(filter: string): { readonly share: string | undefined; readonly filter: string } {
  const shared = parseShared(filter)
  return shared ? { share: shared.group, filter: shared.filter } : { share: undefined, filter }
}
