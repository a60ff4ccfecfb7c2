import type { Admit, PublishOrder } from '../keeper.ts'
import type { Passing } from '../passing.ts'

/** Whom the record of a message leaves out, by the numbers of their sessions. */
export interface Owing {
  /** They get it on other terms, or not at all. */
  readonly except: ReadonlySet<number>
  /** Of those: they had no room for it. */
  readonly refused: ReadonlySet<number>
}

const NOBODY: ReadonlySet<number> = new Set()
export const NOTHING: Owing = { except: NOBODY, refused: NOBODY }

/** Who of the targets is owed it; `undefined`: nobody that lasts. */
export function owingOf(message: Passing, { targets, from, echo }: PublishOrder, admit: Admit): Owing | undefined {
  const gathering = targets.shared?.gathering
  let isOwed = targets.groups.some(({ number }) => number !== 0) || (gathering?.size ?? 0) > 0
  // Made when there is somebody: nearly always nobody is.
  let except: Set<number> | undefined
  let refused: Set<number> | undefined
  for (const target of gathering?.others ?? targets.sessions) {
    const { session } = target
    if (session.number === 0 || target.qos === 0) continue
    // What it gets on other terms, or later, has a record of its own.
    const isOther = target.holder !== undefined || (session === from && (!echo || target.own !== target))
    if (isOther) (except ??= new Set()).add(session.number)
    else if (admit(session, message.size)) isOwed = true
    // It may have ended over that.
    else if (session.number !== 0) {
      ;(except ??= new Set()).add(session.number)
      ;(refused ??= new Set()).add(session.number)
    }
  }
  return isOwed || refused !== undefined ? { except: except ?? NOBODY, refused: refused ?? NOBODY } : undefined
}
