/** A certificate that nobody trusts, for as long as the bench runs. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { workspace } from '../workspace.ts'

/** Paths of PEM files. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

export function makeCertificate(): Certificate {
  const directory = workspace('mqtt-tls')
  const [cert, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')]
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
  const made = ['-nodes', '-keyout', key, '-out', cert, '-days', '2', '-subj', '/CN=localhost']
  execFileSync('openssl', ['req', '-x509', ...curve, ...made], { stdio: 'pipe' })
  return { cert, key }
}
