import { createHmac } from 'node:crypto'

/**
 * The headers that prove who sent a request, and when: `X-Halyard-Signature` is the HMAC-SHA-256 of the timestamp (as
 * it stands in `X-Halyard-Timestamp`, seconds since 1970), a full stop and the body. The time is signed too, so that a
 * receiver can turn away what somebody recorded and sends again.
 */
export function signatureHeaders(secret: string, body: Uint8Array, now: number): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(now / 1000))
  const signature = createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest('hex')
  return { 'x-halyard-timestamp': timestamp, 'x-halyard-signature': `sha256=${signature}` }
}
