/** What went wrong below MQTT, as a person would say it. The original error is the `cause`. */
import { ConnectionError, describeError } from '@halyard/core'
import { addressText, hostAndPort } from '../address.ts'
import type { Address } from '../address.ts'
import { explainBytes } from '../wrong-port.ts'
import type { Phase } from './explain.ts'
import { hasHungUp } from './hung-up.ts'
import { explainCertificate, explainTls } from './tls-failures.ts'

/** By the operating system's name for it, what it is and what to do. */
const UNREACHABLE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there: check host and port, and that the server runs',
  ENOTFOUND: 'no such host is known: check its name',
  EAI_AGAIN: 'the name cannot be looked up now: check the network and its name server',
  EHOSTUNREACH: 'there is no way to the host: check the network',
  ENETUNREACH: 'there is no way to its network: check the connection of this machine',
  ENETDOWN: 'the network is down: check the connection of this machine',
  ETIMEDOUT: 'the host does not answer: check host, port, and firewalls between',
  ECONNRESET: 'the connection was reset at once: a firewall, or a server that takes no more, does that',
  EADDRNOTAVAIL: 'this machine has no address or port left for it',
  EACCES: 'this machine does not allow it: check its firewall',
  EPERM: 'this machine does not allow it: check its firewall',
  EMFILE: 'this process has too many files and connections open',
}

export function explainFailure(error: unknown, address: Address, phase: Phase): ConnectionError {
  const code = codeOf(error)
  const where = addressText(address)
  const options = { cause: error }
  const certificate = explainCertificate(error, code, address)
  if (certificate !== undefined) {
    return new ConnectionError('ERR_MQTT_CERTIFICATE', `${where} is not trusted: ${certificate}`, options)
  }
  const isTls = address.scheme === 'mqtts' || address.scheme === 'wss'
  const tls = isTls ? explainTls(error, code, address, phase) : undefined
  if (tls !== undefined) return new ConnectionError('ERR_MQTT_TLS', `no TLS with ${where}: ${tls}`, options)
  const webSocket = explainWebSocket(error, code, address, phase)
  if (webSocket !== undefined) return new ConnectionError('ERR_MQTT_WEBSOCKET', `${where}: ${webSocket}`, options)
  if (phase === 'open') {
    const text = `the connection to ${where} was lost: ${lossOf(code) ?? describeError(error)}`
    return new ConnectionError('ERR_MQTT_CONNECTION_LOST', text, options)
  }
  const why = UNREACHABLE[code] ?? describeError(error)
  return new ConnectionError('ERR_MQTT_UNREACHABLE', `${hostAndPort(address)} cannot be reached: ${why}`, options)
}

function lossOf(code: string): string | undefined {
  if (code === 'ECONNRESET') return 'the other side, or a machine between, has reset it (ECONNRESET)'
  if (code === 'EPIPE') return 'the other side had closed it already (EPIPE)'
  if (code === 'ETIMEDOUT') return 'the other side answers no more (ETIMEDOUT)'
  return undefined
}

/** A WebSocket that was not opened, or ended by what is none. */
function explainWebSocket(error: unknown, code: string, address: Address, phase: Phase): string | undefined {
  if (address.scheme !== 'ws' && address.scheme !== 'wss') return undefined
  const secure = address.scheme === 'wss' ? 'mqtts' : 'mqtt'
  const plainMqtt = `the port may speak MQTT without WebSocket: use ${secure}://${hostAndPort(address)}, or another port`
  const text = describeError(error)
  if (phase === 'open') {
    // What `ws` finds in frames; all else is the network's.
    return code.startsWith('WS_ERR_')
      ? `the server broke the WebSocket protocol (${text}); the connection was closed`
      : undefined
  }
  if (code.startsWith('HPE_')) return explainRaw(error) ?? `what answered is no HTTP: ${plainMqtt}`
  if (hasHungUp(error, code)) return `the server closed instead of answering: ${plainMqtt}`
  if (/subprotocol/u.test(text)) {
    return 'it accepts none of the sub-protocols that were offered: the path may belong to another service'
  }
  if (error instanceof SyntaxError) return 'a sub-protocol is no name, or was given twice: mend the list'
  if (code === '') return `the upgrade to WebSocket failed (${text}): the path may belong to another service`
  return undefined
}

/** An HTTP parser that failed has the bytes it failed on. */
function explainRaw(error: unknown): string | undefined {
  const { rawPacket } = error as { rawPacket?: unknown }
  return rawPacket instanceof Uint8Array ? explainBytes(rawPacket) : undefined
}

const STATUSES: Readonly<Record<number, string>> = {
  400: 'it takes no WebSocket at this path, or none of its sub-protocols: check the path',
  401: 'it wants to know who asks before the upgrade, as a proxy does',
  403: 'it does not let this client in: check its access rules',
  404: 'it has nothing at this path: check the path, /mqtt for instance',
  426: 'it wants another protocol at this path: check the path',
  429: 'too many connections came: try again later',
  502: 'the proxy there does not reach its server',
  503: 'it has too much to do: try again later',
  504: 'the proxy there has no answer of its server',
}

export function explainStatus(status: number, address: Address): ConnectionError {
  const isRedirect = status >= 300 && status < 400
  const why = isRedirect
    ? 'it sends clients to another address, which is not followed: use that one'
    : (STATUSES[status] ?? 'it takes no WebSocket at this path, or not now: check the path')
  const text = `${addressText(address)} refused the WebSocket with HTTP status ${status}: ${why}`
  return new ConnectionError('ERR_MQTT_WEBSOCKET', text)
}

/** Of several addresses that were tried Node tells all; the last one's reason is as good as any. */
function codeOf(error: unknown): string {
  const { code, errors } = error as { code?: unknown; errors?: unknown }
  if (typeof code === 'string') return code
  return Array.isArray(errors) && errors.length > 0 ? codeOf(errors.at(-1)) : ''
}
