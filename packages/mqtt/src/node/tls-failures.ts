import { describeError } from '@halyard/core'
import { hostAndPort } from '../address.ts'
import type { Address } from '../address.ts'
import type { Phase } from './explain.ts'
import { hasHungUp } from './hung-up.ts'

const UNTRUSTED = 'pass the certificate of the authority that signed it as tls.ca'
const ALONE = 'it is signed by itself; if it is the one you expect, pass it as tls.ca'
const CHAIN = `who signed its certificate is unknown here; ${UNTRUSTED}, and check that the server sends its whole chain`

/** OpenSSL's verdicts on a server's certificate (`man x509_verify_cert_error_string`). */
const VERDICTS: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: ALONE,
  SELF_SIGNED_CERT_IN_CHAIN: `the authority that signed its certificate is none of this system's; ${UNTRUSTED}`,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: CHAIN,
  UNABLE_TO_GET_ISSUER_CERT: CHAIN,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: CHAIN,
  CERT_UNTRUSTED: CHAIN,
  CERT_HAS_EXPIRED: 'its certificate has expired; renew it at the server, or set the clock of this machine',
  CERT_NOT_YET_VALID:
    'its certificate is not valid yet; set the clock of this machine, or that of the server and make a new one',
  CERT_REVOKED: 'its certificate was revoked; the server needs a new one',
  CERT_SIGNATURE_FAILURE: 'its certificate was not signed by the authority it names; check tls.ca and the server',
  INVALID_CA: 'what signed its certificate is no authority; check tls.ca and the chain that the server sends',
  INVALID_PURPOSE: 'its certificate was not made for servers; the server needs one with serverAuth',
  PATH_LENGTH_EXCEEDED: 'its chain of certificates is longer than its authority allows',
  CERT_CHAIN_TOO_LONG: 'its chain of certificates is too long',
  CERT_REJECTED: 'its certificate is marked as not to be trusted',
  HOSTNAME_MISMATCH: 'its certificate is for another name',
}

/** Why a server's certificate was refused, and what to do. Not checking it is no advice. */
export function explainCertificate(error: unknown, code: string, { host }: Address): string | undefined {
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const { cert } = error as { cert?: { subjectaltname?: unknown; subject?: { CN?: unknown } } }
    const names = cert?.subjectaltname ?? cert?.subject?.CN
    const has = typeof names === 'string' && names !== '' ? ` but for ${printable(names)}` : ''
    return `its certificate is not for ${host}${has}; dial a name that it has, or pass that name as tls.servername`
  }
  return VERDICTS[code]
}

/** A certificate can have hundreds of names, of any characters. */
function printable(names: string): string {
  const text = names.replaceAll(/[^\x20-\x7e]/gu, '?')
  return text.length > 120 ? `${text.slice(0, 120)}…` : text
}

const NEEDS_CLIENT_CERTIFICATE =
  'the server wants a certificate of the client: pass tls.cert and tls.key, signed by an authority that it trusts'
const CLIENT_CERTIFICATE_REFUSED =
  'the server does not take the certificate of the client: check that its authority is one that the server trusts'
const VERSION = 'the two have no version of TLS in common: the server must speak 1.2 or 1.3'
const CIPHERS = 'the two have no cipher in common, or the server wants a certificate of the client: see its log'
const PEM = 'tls.ca, tls.cert or tls.key is not PEM, as text or bytes: "-----BEGIN …"'
const ENCRYPTED = 'tls.key is encrypted, and there is no passphrase: decrypt it first'

/** OpenSSL's names, as Node gives them: alerts of the server's, and what failed here. */
const FAILURES: Readonly<Record<string, string>> = {
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: NEEDS_CLIENT_CERTIFICATE,
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: CLIENT_CERTIFICATE_REFUSED,
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: CLIENT_CERTIFICATE_REFUSED,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: CLIENT_CERTIFICATE_REFUSED,
  ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE: CLIENT_CERTIFICATE_REFUSED,
  ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR: CLIENT_CERTIFICATE_REFUSED,
  ERR_SSL_TLSV1_ALERT_ACCESS_DENIED: CLIENT_CERTIFICATE_REFUSED,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: 'the certificate of the client has expired: renew it',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED: 'the certificate of the client was revoked: it needs another',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: VERSION,
  ERR_SSL_UNSUPPORTED_PROTOCOL: VERSION,
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: CIPHERS,
  ERR_SSL_NO_CIPHERS_AVAILABLE: CIPHERS,
  ERR_SSL_TLSV1_UNRECOGNIZED_NAME: 'the server has no certificate for this name: check host and tls.servername',
  ERR_OSSL_PEM_NO_START_LINE: PEM,
  ERR_OSSL_PEM_BAD_END_LINE: PEM,
  ERR_OSSL_PEM_BAD_BASE64_DECODE: PEM,
  ERR_OSSL_UNSUPPORTED: PEM,
  ERR_INVALID_ARG_TYPE: PEM,
  ERR_OSSL_X509_KEY_VALUES_MISMATCH: 'tls.key is not the key of tls.cert',
  ERR_OSSL_CRYPTO_INTERRUPTED_OR_CANCELLED: ENCRYPTED,
  ERR_OSSL_BAD_DECRYPT: ENCRYPTED,
  ERR_MISSING_PASSPHRASE: ENCRYPTED,
  ERR_SSL_EE_KEY_TOO_SMALL: 'the key of a certificate is too short for this OpenSSL: make a new one',
  ERR_SSL_CA_MD_TOO_WEAK: 'a certificate is signed in a way that this OpenSSL holds for broken: make a new one',
}

/** What OpenSSL says, in its versions, when the first bytes are no TLS record. */
const NO_TLS: readonly string[] = [
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
  'ERR_SSL_HTTP_REQUEST',
  'ERR_SSL_UNKNOWN_PROTOCOL',
]

/** Why there is no TLS; undefined: it is not TLS that failed. */
export function explainTls(error: unknown, given: string, address: Address, phase: Phase): string | undefined {
  const reason = reasonOf(error)
  // A failed write is an EPROTO, whose text alone has OpenSSL's reason.
  const code =
    given === 'EPROTO' && reason !== undefined ? `ERR_SSL_${reason.toUpperCase().replaceAll(' ', '_')}` : given
  const plain = `${address.scheme === 'wss' ? 'ws' : 'mqtt'}://${hostAndPort(address)}`
  if (phase === 'opening') {
    if (NO_TLS.includes(code)) return `the port speaks no TLS: use ${plain}, or another port`
    if (hasHungUp(error, code)) {
      return `the server closed during the handshake: if the port speaks no TLS, use ${plain}; else see the server's log`
    }
  }
  if (FAILURES[code] !== undefined) return FAILURES[code]
  return /^(?:ERR_SSL_|ERR_OSSL_|ERR_TLS_|EPROTO$)/u.test(code)
    ? `${reason ?? describeError(error)} (${code})`
    : undefined
}

/** Of `…:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:…` what a person can read. */
function reasonOf(error: unknown): string | undefined {
  return /error:[\dA-F]+:[^:]*:[^:]*:([^:\n]+)/u.exec(describeError(error))?.[1]
}
