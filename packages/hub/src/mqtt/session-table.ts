import { Dependants } from './dependants.ts'
import type { Principal } from './dialect.ts'
import type { OverflowPolicy } from './limits.ts'
import { Session } from './session.ts'

/** All sessions of a server, by space and account, then by client id: two accounts may use the same client id. */
export class SessionTable {
  readonly #owners = new Map<string, Map<string, Session>>()
  /** Their subscriptions, by what those hang on. */
  readonly dependants: Dependants<Session> = new Dependants()
  readonly #overflow: OverflowPolicy | undefined
  #size = 0

  /** `overflow`: of those whose account has none; the default's. */
  constructor(overflow?: OverflowPolicy) {
    this.#overflow = overflow
  }

  get size(): number {
    return this.#size
  }

  find(principal: Principal, clientId: string): Session | undefined {
    return this.#owners.get(ownerOf(principal))?.get(clientId)
  }

  create(principal: Principal, clientId: string, window: number): Session {
    const session = new Session(clientId, principal, window, this.#overflow, this.dependants)
    const owner = ownerOf(principal)
    let sessions = this.#owners.get(owner)
    if (sessions === undefined) this.#owners.set(owner, (sessions = new Map()))
    if (!sessions.has(clientId)) this.#size++
    sessions.set(clientId, session)
    return session
  }

  /** False if it has ended. */
  has(session: Session): boolean {
    return this.find(session.principal, session.clientId) === session
  }

  /** False if another one has its name by now. */
  remove(session: Session): boolean {
    if (!this.has(session)) return false
    const owner = ownerOf(session.principal)
    const sessions = this.#owners.get(owner)
    sessions?.delete(session.clientId)
    if (sessions?.size === 0) this.#owners.delete(owner)
    this.#size--
    return true
  }

  *[Symbol.iterator](): Generator<Session> {
    for (const sessions of this.#owners.values()) yield* sessions.values()
  }
}

/** A JSON list: no name can end another one early. */
function ownerOf({ space, account }: Principal): string {
  return JSON.stringify([space, account])
}
