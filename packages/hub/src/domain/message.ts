/** A message of any service, as the hub keeps it and shows it. */

export type ServiceName = 'hologram' | 'emitter' | 'ttn' | 'exp' | 'mqtt'

/** Seen from the hub: `in` came from a device or an application, `out` went to one. */
export type Direction = 'in' | 'out'

export interface HubMessage {
  /** Unique, and in the order of acceptance when sorted as text. */
  readonly id: string
  readonly service: ServiceName
  /** Hologram: the cloud id. */
  readonly account: string
  /** Hologram: the topics joined by `,`, `''` if there are none; `sms:<number>` for an SMS. */
  readonly channel: string
  readonly direction: Direction
  readonly payload: Uint8Array
  readonly receivedAt: Date
}

/** What a service hands over; the number in the journal makes its id. */
export interface MessageDraft extends Omit<HubMessage, 'id'> {
  /**
   * Where channels live; nothing crosses spaces but a route: `hologram`, `mqtt`, `emitter:<contract>`, … All messages of
   * a space are of one service.
   */
  readonly space: string
  /** The address the peer connected from, if it is of use later. */
  readonly source?: string
  /** Gone from the history after this. */
  readonly expiresAt?: Date
  /** What the service needs besides to make the message again, in bytes of its own. Nobody else is shown it. */
  readonly options?: Uint8Array
}

export interface StoredMessage extends MessageDraft {
  readonly id: string
}

/** Whose messages a space holds: the service, and its account where the space is named after it. */
export interface Origin {
  readonly service: ServiceName
  readonly account: string
}

const SERVICES: readonly ServiceName[] = ['hologram', 'emitter', 'ttn', 'exp', 'mqtt']

/**
 * By the name of a space: `mqtt`, `emitter:<contract>`, `ttn:<application>`.
 *
 * @throws RangeError for a space of no service.
 */
export function originOf(space: string): Origin {
  const colon = space.indexOf(':')
  const name = colon < 0 ? space : space.slice(0, colon)
  const service = SERVICES.find((one) => one === name)
  if (service === undefined) throw new RangeError(`the space ${space} is of no service`)
  return { service, account: colon < 0 ? '' : space.slice(colon + 1) }
}

/**
 * A name made from the message's number in the journal: it needs no clock, sorts as text, and is made again exactly
 * when the journal is replayed. The hub's own id keeps the names of two hubs apart.
 */
export function messageId(lsn: number, hubId: string): string {
  return `${lsn.toString(36).padStart(LSN_DIGITS, '0')}-${hubId}`
}

/** The number that {@link messageId} was given. */
export function lsnOfMessage(id: string): number {
  return Number.parseInt(id.slice(0, LSN_DIGITS), 36)
}

/** 2^53 has eleven digits in base 36. */
const LSN_DIGITS = 11

/** The names a channel filter finds a message by: the whole channel and, where a channel is a list, each of its topics. */
export function labelsOf(service: ServiceName, channel: string): readonly string[] {
  if (service !== 'hologram' || !channel.includes(',')) return [channel]
  return [...new Set([channel, ...channel.split(',')])]
}
