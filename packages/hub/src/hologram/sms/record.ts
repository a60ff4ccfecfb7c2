import type { OutgoingSms } from '../../domain/sms-gateway.ts'

/** What every line of the file begins with: how a piece of one is known from somebody else's text. */
export const RECORD_START = '{"id":"'

/** An SMS as programs outside the hub get it, in a file or over HTTP: one line of JSON. docs/guide/hub.md §SMS */
export function smsRecord({ id, cloudId, destination, text, receivedAt }: OutgoingSms): string {
  return JSON.stringify({ id, cloud_id: cloudId, destination, text, received_at: receivedAt.toISOString() })
}
