/** What a server refused, by name: reason codes of 5.0 §2.4 and return codes of 3.1.1 §3.2.2.3, and what to do about them. */
import { REASON, reasonName } from '@halyard/wire/mqtt'
import type { ReasonName } from '@halyard/wire/mqtt'
import type { Refusal } from './errors.ts'

/** What an error is told of a reason code. */
export function refusalOf(reasonCode: number, packetId?: number): Refusal {
  return { reasonCode, reason: reasonName(reasonCode) ?? 'unknown', ...(packetId !== undefined && { packetId }) }
}

/** What a name does not say of itself. */
const ADVICE: Partial<Record<ReasonName, string>> = {
  unsupportedProtocolVersion: 'it speaks another version of MQTT; set version to 4 or 5',
  clientIdentifierNotValid: 'choose another clientId',
  badUserNameOrPassword: 'check username and password',
  notAuthorized: 'the account may not do this; check its access list',
  serverUnavailable: 'try again later',
  serverBusy: 'try again later',
  banned: 'ask whoever runs the server',
  serverShuttingDown: 'it is tried again',
  badAuthenticationMethod: 'the server does not know this authentication method',
  keepAliveTimeout: 'the server did not hear of this client for too long',
  sessionTakenOver: 'another client connected with the same clientId; give each its own',
  topicFilterInvalid: 'the server does not take this topic filter',
  topicNameInvalid: 'the server does not take this topic',
  packetTooLarge: 'send smaller messages',
  quotaExceeded: 'a limit of the server is reached',
  messageRateTooHigh: 'publish more slowly',
  payloadFormatInvalid: 'the payload is not the text that its format indicator promises',
  retainNotSupported: 'the server keeps no retained messages',
  qosNotSupported: 'the server does not take this QoS; use a lower one',
  useAnotherServer: 'the server wants this client to go elsewhere for now',
  serverMoved: 'the server has moved; change the address',
  sharedSubscriptionsNotSupported: 'subscribe without $share',
  connectionRateExceeded: 'connect less often',
  wildcardSubscriptionsNotSupported: 'subscribe without + and #',
}

/** `not authorized (0x87): the account may not do this; …`, with the server's own words if it sent any. */
export function explainReason(reasonCode: number, said?: string): string {
  const name = reasonName(reasonCode)
  const words =
    name === undefined ? 'unknown reason' : name.replaceAll(/[A-Z]/gu, (letter) => ` ${letter.toLowerCase()}`)
  const advice = said ?? (name && ADVICE[name])
  return `${words} (0x${reasonCode.toString(16).padStart(2, '0')})${advice === undefined ? '' : `: ${advice}`}`
}

/** The reason codes of the return codes 1 to 5 of 3.1.1. */
const RETURN_CODES: readonly number[] = [
  REASON.success,
  REASON.unsupportedProtocolVersion,
  REASON.clientIdentifierNotValid,
  REASON.serverUnavailable,
  REASON.badUserNameOrPassword,
  REASON.notAuthorized,
]

/** The reason code of a CONNACK of either version. */
export function connackReason(code: number, version: 4 | 5): number {
  return version === 5 ? code : (RETURN_CODES[code] ?? REASON.unspecifiedError)
}

/** Refusals that do not pass by themselves: trying again would only fill the server's log. */
const LASTING: ReadonlySet<number> = new Set<number>([
  REASON.malformedPacket,
  REASON.protocolError,
  REASON.unsupportedProtocolVersion,
  REASON.clientIdentifierNotValid,
  REASON.badUserNameOrPassword,
  REASON.notAuthorized,
  REASON.banned,
  REASON.badAuthenticationMethod,
  REASON.sessionTakenOver,
  REASON.topicNameInvalid,
  REASON.packetTooLarge,
  REASON.payloadFormatInvalid,
  REASON.retainNotSupported,
  REASON.qosNotSupported,
  REASON.serverMoved,
])

export function isLasting(reasonCode: number): boolean {
  return LASTING.has(reasonCode)
}
