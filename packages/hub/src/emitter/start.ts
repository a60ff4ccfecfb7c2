/**
 * Emitter's broker: a dialect of the MQTT engine. Everybody may connect; each topic carries a key, and what a key may do is
 * all there is of rights.
 *
 * ```
 * CONNECT ──▶ dialect.ts          who it is: principal.ts, one per connection
 * PUBLISH ──▶ publish-plan.ts     key/channel/  ──▶ authority.ts ──▶ a route through the engine
 *                                 emitter/…/    ──▶ requests.ts  ──▶ requests/<name>.ts ──▶ the answer, then PUBACK
 *                                 a0            ──▶ the link of this name, then as above
 * SUBSCRIBE ▶ subscribe-plan.ts   stored messages first, from the hub's history
 * the engine tells of connections and subscriptions ──▶ presence.ts
 * ```
 *
 * Nothing here knows sockets, queues or disks: those are the engine's, the history's and the registry's. What a request does is a
 * function without MQTT too (`keygen`, `keyban`, `presence`), for HTTP and the command line. docs/protocols/emitter.md §5
 */
import type { Clock, Logger, Timer } from '@halyard/core'
import { keyCodec } from '@halyard/wire/emitter'
import type {
  KeybanAnswer,
  KeybanRequest,
  KeygenAnswer,
  KeygenRequest,
  License,
  Matcher,
  PresenceRequest,
  PresenceStatus,
  Refusal,
} from '@halyard/wire/emitter'
import { describeError } from '@halyard/core'
import type { EmitterKeys } from '../domain/emitter-keys.ts'
import type { MessageHistory } from '../domain/message-history.ts'
import type { Dialect, Publication } from '../mqtt/dialect.ts'
import { Authority } from './authority.ts'
import { tellFailure } from './broker.ts'
import type { EmitterBroker } from './broker.ts'
import { EmitterDialect } from './dialect.ts'
import type { EmitterLimits } from './limits.ts'
import { Presence } from './presence.ts'
import type { Caller } from './principal.ts'
import { keyban } from './requests/keyban.ts'
import { keygen } from './requests/keygen.ts'
import { presenceStatus } from './requests/presence.ts'

export interface EmitterParts {
  readonly license: License
  readonly keys: EmitterKeys
  readonly history: MessageHistory<Publication>
  readonly matcher: Matcher
  readonly acceptForeignKeys: boolean
  readonly limits: EmitterLimits
  /** Of the password of CONNECT, which is the secret of a session that lasts. */
  readonly hashSecret: (secret: Uint8Array) => string
  readonly clock: Clock
  readonly logger: Logger
}

/** What ends subscriptions that nobody has asked to end: the engine. `keys`: those that are asked about; all that there are. */
export type EndSubscriptions = (isOver: (key: string) => boolean, keys?: Iterable<string>) => void

export interface EmitterService {
  readonly dialect: Dialect
  /** When the engine runs, and has its sessions back: from now on a ban ends what it must. */
  attach(endSubscriptions: EndSubscriptions): void
  /** Without a connection nothing is extended. `address`: whom guesses are counted for. */
  keygen(request: KeygenRequest, address: string): Promise<KeygenAnswer | Refusal>
  keyban(request: KeybanRequest, address: string): Promise<KeybanAnswer | Refusal>
  presence(request: Pick<PresenceRequest, 'key' | 'channel'>, address: string): PresenceStatus | Refusal
  close(): void
}

/** Milliseconds between two looks at what has expired: watches, and keys that are to be forgotten. */
const SECOND = 1000
const HOUR = 3_600_000

/** The licence must have a cipher: {@link keyCodec} takes it. */
export function startEmitter(parts: EmitterParts): EmitterService {
  const { license, keys, history, matcher, limits, clock, logger, acceptForeignKeys: acceptForeign } = parts
  const codec = keyCodec(license)
  if ('problem' in codec) throw new TypeError(codec.problem)
  const authority = new Authority({ license, codec, keys, matcher, acceptForeign, limits, clock })
  const presence: Presence = new Presence({
    matcher,
    now: () => authority.now(),
    monotonic: () => clock.monotonic(),
    ended: (connection) => tellFailure(connection, 'unauthorized', 0, broker),
  })
  const space = `emitter:${license.contract}`
  const broker: EmitterBroker = {
    license,
    codec,
    keys,
    authority,
    presence,
    history,
    space,
    matcher,
    limits,
    clock,
    logger,
  }
  const dialect = new EmitterDialect({ broker, hashSecret: parts.hashSecret })
  const isOver = (id: string): boolean => !authority.holds(id)
  let endSubscriptions: EndSubscriptions = () => {}
  const stop = keys.onChange((changed) => {
    dialect.keysChanged()
    const over = changed.filter(isOver)
    // First: nobody hears of his own end through a key that has ended.
    presence.endWatches(over)
    endSubscriptions(isOver, over)
  })
  const sweeps = [
    every(SECOND, clock, () => presence.sweep()),
    every(HOUR, clock, () => forgetExpired(parts, authority)),
  ]
  return {
    dialect,
    attach: (end) => {
      endSubscriptions = end
      // What was kept over the last restart; nobody watches yet.
      end(isOver)
    },
    keygen: (request, address) => keygen(broker, request, callerAt(address), undefined),
    keyban: (request, address) => keyban(broker, request, callerAt(address)),
    presence: (request, address) => presenceStatus(broker, request, callerAt(address)),
    close: () => {
      stop()
      for (const { cancel } of sweeps) cancel()
    },
  }
}

/** Nobody needs to know any more those that have ended. */
async function forgetExpired({ keys, logger }: EmitterParts, authority: Authority): Promise<void> {
  try {
    await keys.forgetExpired(authority.now() - DAY)
  } catch (error) {
    logger.error({ err: error }, `emitter: ended keys could not be removed: ${describeError(error)}`)
  }
}

/** The next one when the one before is over. `work` never rejects. */
function every(interval: number, clock: Clock, work: () => void | Promise<void>): { readonly cancel: () => void } {
  let timer: Timer | undefined
  let isOver = false
  const schedule = (): void => {
    timer = clock.setTimer(interval, () => void run())
  }
  const run = async (): Promise<void> => {
    await work()
    if (!isOver) schedule()
  }
  schedule()
  return {
    cancel: () => {
      isOver = true
      timer?.cancel()
    },
  }
}

/** Whoever has a connection of its own for each request. */
function callerAt(address: string): Caller {
  return { address, missed: () => {} }
}

/** Seconds; clocks are put right after a start. */
const DAY = 86_400
