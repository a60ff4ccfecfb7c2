import { startHub } from '../../../support.ts'
import type { RecordingLogger } from '../../../support.ts'
import type { Certificates } from './certificates.ts'

export type TransportName = 'tcp' | 'tls' | 'ws' | 'wss'

export interface Account {
  readonly username: string
  readonly password: string
}

export interface Served {
  /** With the account that every hub has at its first start. */
  readonly account: Account
  readonly mqttPort: number
  readonly frontPort: number
  readonly log: RecordingLogger
  url(transport: TransportName): string
}

export interface ServeOptions {
  /** HJSON of `mqtt.limits`. */
  readonly limits?: string
  readonly anonymous?: boolean
  /** Asks clients for certificates of the test's authority. */
  readonly clientCertificates?: boolean
}

/** A hub with a certificate, closed when the test is over. */
export async function serve(certificates: Certificates, options: ServeOptions = {}): Promise<Served> {
  const { limits = '', anonymous = false, clientCertificates = false } = options
  const { cert, key, ca } = certificates
  const { hub, log } = await startHub({
    ...(anonymous && { mqttAnonymous: true }),
    config: `{
      tls: { cert: ${cert}\n key: ${key}\n ${clientCertificates ? `ca: ${ca}\n` : ''} }
      mqtt: { limits: { ${limits} } }
    }`,
  })
  const { mqtt: mqttPort = 0, front: frontPort } = hub.ports
  const urls = {
    tcp: `mqtt://localhost:${mqttPort}`,
    tls: `mqtts://localhost:${mqttPort}`,
    ws: `ws://localhost:${frontPort}/mqtt`,
    wss: `wss://localhost:${frontPort}/mqtt`,
  }
  const { mqtt: account } = hub.accounts
  if (account === undefined) throw new Error('the hub has no account for MQTT')
  return { account, mqttPort, frontPort, log, url: (transport) => urls[transport] }
}
