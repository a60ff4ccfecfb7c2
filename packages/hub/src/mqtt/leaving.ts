import type { Broker } from './broker.ts'
import type { DialectConnection } from './dialect.ts'
import type { Openings } from './openings.ts'
import type { Session } from './session.ts'
import type { WillMessage } from './wills.ts'

interface LeavingClient {
  readonly session: Session
  readonly dialectConnection: DialectConnection
}

interface Left {
  /** To be published. */
  readonly will: WillMessage | undefined
  /** The one that it came with. */
  readonly kept: WillMessage | undefined
  readonly openings: Openings | undefined
}

/** The end of a connection that was let in: its session goes on without it, or ends with it. */
export function leave(broker: Broker, client: LeavingClient, { will, kept, openings }: Left): void {
  const { session } = client
  const { dialect } = session.principal
  broker.counters.connections--
  // Nothing that is published from here on goes to this connection.
  session.link = undefined
  session.leftAt = broker.now()
  if (will) broker.wills.left(will, session, session.leftAt)
  else if (kept) broker.keeper.willGone(kept)
  openings?.end()
  if (session.lasts) {
    session.endsAt = session.leftAt + session.expiry * 1000
    broker.delivery.handOn(session, false)
    broker.keeper.left(session)
  } else {
    broker.end(session)
  }
  broker.guard('the end of a connection', () => dialect.disconnected?.(client.dialectConnection))
}
