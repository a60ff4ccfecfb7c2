import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'

/** Paths of PEM files. */
export interface Certificates {
  /** What a client trusts. */
  readonly ca: string
  readonly cert: string
  readonly key: string
  /** Of a client whose name is `sensor-1`. */
  readonly clientCert: string
  readonly clientKey: string
}

/** For a file's tests: made before them, gone after them. */
export function useCertificates(): () => Certificates {
  let directory = ''
  let certificates: Certificates | undefined
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'certificates-'))
    certificates = makeCertificates(directory)
  })
  afterAll(() => rmSync(directory, { recursive: true, force: true }))
  return () => {
    if (certificates === undefined) throw new Error('certificates are there once the tests run')
    return certificates
  }
}

/** An authority, a server `localhost` and a client, made as people make them: with openssl. */
function makeCertificates(directory: string): Certificates {
  const path = (name: string): string => join(directory, name)
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { stdio: 'pipe' })
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout']
  openssl(
    'req',
    '-x509',
    ...newKey,
    path('ca.key'),
    '-out',
    path('ca.pem'),
    '-days',
    '2',
    '-subj',
    '/CN=Test authority',
  )
  const issue = (name: string, subject: string, extensions: string): void => {
    openssl('req', ...newKey, path(`${name}.key`), '-out', path(`${name}.csr`), '-subj', `/CN=${subject}`)
    writeFileSync(path(`${name}.ext`), extensions)
    openssl(
      ...['x509', '-req', '-in', path(`${name}.csr`), '-CA', path('ca.pem'), '-CAkey', path('ca.key')],
      ...['-CAcreateserial', '-out', path(`${name}.pem`), '-days', '2', '-extfile', path(`${name}.ext`)],
    )
  }
  issue('server', 'localhost', 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n')
  issue('client', 'sensor-1', 'extendedKeyUsage=clientAuth\n')
  return {
    ca: path('ca.pem'),
    cert: path('server.pem'),
    key: path('server.key'),
    clientCert: path('client.pem'),
    clientKey: path('client.key'),
  }
}
