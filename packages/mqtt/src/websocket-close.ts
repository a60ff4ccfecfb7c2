import { ConnectionError } from '@halyard/core'

/** RFC 6455 §7.4.1, and 1005: a close without a code. */
const GOOD_ORDER: readonly number[] = [1000, 1001, 1005]
const ABNORMAL = 1006

const MEANINGS: Readonly<Record<number, string>> = {
  1002: 'a protocol error',
  1003: 'data it does not take',
  1007: 'text that is not UTF-8',
  1008: 'its policy',
  1009: 'a message too big for it',
  1010: 'an extension it needs',
  1011: 'an error of its own',
  1012: 'it starts again',
  1013: 'it has too much to do: try again later',
}

/** Why an open WebSocket has closed; undefined: in good order. */
export function explainClose(code: number, reason: string, where: string): ConnectionError | undefined {
  if (GOOD_ORDER.includes(code)) return undefined
  if (code === ABNORMAL) {
    const text = `the connection to ${where} was lost: it ended without a WebSocket close`
    return new ConnectionError('ERR_MQTT_CONNECTION_LOST', text)
  }
  const because = MEANINGS[code] === undefined ? '' : `, ${MEANINGS[code]}`
  const said = reason === '' ? '' : `: ${JSON.stringify(reason)}`
  const text = `${where} closed the WebSocket with code ${code}${because}${said}; see the server's log`
  return new ConnectionError('ERR_MQTT_WEBSOCKET', text)
}

export function textFrame(where: string): ConnectionError {
  const text = `${where} sent a text message, and MQTT goes in binary ones: the path may belong to another service`
  return new ConnectionError('ERR_MQTT_WEBSOCKET', text)
}
