import type { HubMessage } from '../domain/message.ts'

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export function messageJson({ receivedAt, payload, ...message }: HubMessage): object {
  const { id, service, account, channel, direction } = message
  return { id, service, account, channel, direction, ...payloadJson(payload), received_at: receivedAt.toISOString() }
}

/** A text as it is; bytes that are none as base64, under another name, so that nobody takes one for the other. */
function payloadJson(payload: Uint8Array): object {
  try {
    return { payload: UTF8.decode(payload) }
  } catch {
    return { payload_base64: Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString('base64') }
  }
}
