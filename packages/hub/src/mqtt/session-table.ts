import type { Principal } from './dialect.ts'
import { Session } from './session.ts'

/** All sessions of a server, by space, account and client id: two accounts may use the same client id. */
export class SessionTable {
  readonly #sessions = new Map<string, Session>()

  get size(): number {
    return this.#sessions.size
  }

  find(principal: Principal, clientId: string): Session | undefined {
    return this.#sessions.get(keyOf(principal, clientId))
  }

  create(principal: Principal, clientId: string, window: number): Session {
    const session = new Session(keyOf(principal, clientId), clientId, principal, window)
    this.#sessions.set(session.key, session)
    return session
  }

  /** False if it has ended. */
  has(session: Session): boolean {
    return this.#sessions.get(session.key) === session
  }

  /** False if another one has its name by now. */
  remove(session: Session): boolean {
    return this.has(session) && this.#sessions.delete(session.key)
  }

  [Symbol.iterator](): IterableIterator<Session> {
    return this.#sessions.values()
  }
}

/** A JSON list: no name can end another one early. */
function keyOf({ space, account }: Principal, clientId: string): string {
  return JSON.stringify([space, account, clientId])
}
