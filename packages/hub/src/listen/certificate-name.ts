import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'

/** The common name of a certificate that the peer has shown and a configured authority has signed. */
export function certificateNameOf(socket: Duplex): string | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined
  const { subject } = socket.getPeerCertificate()
  // A subject with several has a list.
  return typeof subject?.CN === 'string' && subject.CN !== '' ? subject.CN : undefined
}
