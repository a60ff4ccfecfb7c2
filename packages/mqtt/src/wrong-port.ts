/** What answered is no MQTT server: what it is, and where MQTT may be instead. */

/** RFC 8446 §5.1: the type of a record, then the version, whose first byte is 3. */
const TLS_ALERT = 0x15
const TLS_HANDSHAKE = 0x16
/** Of what a stranger sent people see so much. */
const SHOWN = 80

/**
 * For the first bytes that a server sent, if they cannot be MQTT: a sentence that says what answered and what to do.
 * Undefined where nothing is known of them. No answer to a CONNECT begins with one of these.
 */
export function explainBytes(first: Uint8Array): string | undefined {
  const [type, version] = first
  if ((type === TLS_ALERT || type === TLS_HANDSHAKE) && version === 3) {
    return 'a TLS server answered: use mqtts:// (or wss:// for a WebSocket), or another port'
  }
  const line = firstLine(first)
  if (line === undefined) return undefined
  if (line.startsWith('HTTP/1.')) {
    return `an HTTP server answered ("${line}"): use ws:// if it takes MQTT over WebSocket, or another port`
  }
  if (line.startsWith('SSH-')) return `an SSH server answered ("${line}"): use the port of MQTT, mostly 1883 or 8883`
  return `something else than an MQTT server answered ("${line}"): use the port of MQTT, mostly 1883 or 8883`
}

/** Printable ASCII to the end of the line, at least four characters. A CONNACK begins with 0x20, so no space begins it. */
function firstLine(bytes: Uint8Array): string | undefined {
  let line = ''
  for (const byte of bytes.subarray(0, SHOWN)) {
    if (byte === 0x0d || byte === 0x0a) break
    if (byte < 0x20 || byte > 0x7e) return undefined
    line += String.fromCharCode(byte)
  }
  return line.length < 4 || line.startsWith(' ') ? undefined : line
}
