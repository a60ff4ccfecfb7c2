import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'

export interface Pair {
  readonly cert: string
  readonly key: string
}

/** PEM texts. */
export interface Certificates {
  /** Where they lie: `ca.pem`, `server.pem`, `server.key` … */
  readonly directory: string
  readonly ca: string
  /** For localhost and 127.0.0.1. */
  readonly server: Pair
  /** The same, over since yesterday. */
  readonly expired: Pair
  /** For broker.example alone. */
  readonly elsewhere: Pair
  readonly client: Pair
  /** Signed by themselves. */
  readonly alone: Pair
}

/** For a file's tests: made before them, gone after them. */
export function useCertificates(): () => Certificates {
  let directory = ''
  let certificates: Certificates | undefined
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'certificates-'))
    certificates = make(directory)
  })
  afterAll(() => rmSync(directory, { recursive: true, force: true }))
  return () => {
    if (certificates === undefined) throw new Error('certificates are there once the tests run')
    return certificates
  }
}

/** Made as people make them: with openssl. */
function make(directory: string): Certificates {
  const path = (name: string): string => join(directory, name)
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { stdio: 'pipe' })
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout']
  const pair = (name: string): Pair => ({
    cert: readFileSync(path(`${name}.pem`), 'utf8'),
    key: readFileSync(path(`${name}.key`), 'utf8'),
  })
  const signedByItself = (name: string, subject: string): Pair => {
    openssl('req', '-x509', ...newKey, path(`${name}.key`), '-out', path(`${name}.pem`), '-days', '2', '-subj', subject)
    return pair(name)
  }
  const { cert: ca } = signedByItself('ca', '/CN=Test authority')
  const issue = (name: string, extensions: string, days = '2'): Pair => {
    openssl('req', ...newKey, path(`${name}.key`), '-out', path(`${name}.csr`), '-subj', `/CN=${name}`)
    writeFileSync(path(`${name}.ext`), extensions)
    openssl(
      ...['x509', '-req', '-in', path(`${name}.csr`), '-CA', path('ca.pem'), '-CAkey', path('ca.key')],
      ...['-CAcreateserial', '-out', path(`${name}.pem`), '-days', days, '-extfile', path(`${name}.ext`)],
    )
    return pair(name)
  }
  const local = 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n'
  return {
    ...{ directory, ca },
    server: issue('server', local),
    expired: issue('expired', local, '-1'),
    elsewhere: issue('elsewhere', 'subjectAltName=DNS:broker.example\n'),
    client: issue('client', 'extendedKeyUsage=clientAuth\n'),
    alone: signedByItself('alone', '/CN=localhost'),
  }
}
