/** Loaded when the first `mqtts:` address is dialled: `node:tls` costs more than the rest of this package. */
import { isIP } from 'node:net'
import { connect } from 'node:tls'
import type { ConnectionOptions } from 'node:tls'
import type { Address } from '../address.ts'
import type { Open } from '../line.ts'
import type { TlsOptions } from '../transport.ts'
import type { Explain } from './explain.ts'
import { SocketCarrier, socketOptions } from './tcp.ts'

export function openTls(
  { host, port }: Address,
  tls: TlsOptions | undefined,
  explain: Explain,
  buffer: Uint8Array,
): Open {
  return (events) =>
    new SocketCarrier(events, explain, 'secureConnect', (callback) =>
      connect({
        ...socketOptions(host, port),
        ...tlsOptions(host, tls),
        onread: { buffer, callback },
      } as ConnectionOptions),
    )
}

/** Of what the caller gave only what is known: nothing else reaches OpenSSL. */
export function tlsOptions(
  host: string,
  tls: TlsOptions = {},
): Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized'> {
  // RFC 6066 §3: SNI takes names alone; without one the certificate must have the host itself.
  const servername = tls.servername ?? (isIP(host) === 0 ? host : undefined)
  return {
    ca: authorities(tls.ca),
    cert: pem(tls.cert),
    key: pem(tls.key),
    ...(servername === undefined ? {} : { servername }),
    rejectUnauthorized: tls.rejectUnauthorized ?? true,
  }
}

/** In which there is no certificate, Node.js trusts nobody and says that the server's is wrong. */
function authorities(given: string | Uint8Array | undefined): string | Buffer | undefined {
  const ca = pem(given)
  const isText = typeof ca === 'string' || ca instanceof Buffer
  if (!isText || ca.includes('-----BEGIN ')) return ca
  throw Object.assign(new Error('there is no certificate in tls.ca'), { code: 'ERR_OSSL_PEM_NO_START_LINE' })
}

function pem(given: string | Uint8Array | undefined): string | Buffer | undefined {
  return given instanceof Uint8Array ? Buffer.from(given.buffer, given.byteOffset, given.byteLength) : given
}
