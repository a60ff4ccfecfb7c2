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

/** A hub with a certificate, closed when the test is over. `limits`: HJSON of `mqtt.limits`. */
export async function serve(
  certificates: Certificates,
  { limits = '', anonymous = false }: { readonly limits?: string; readonly anonymous?: boolean } = {},
): Promise<Served> {
  const { cert, key, ca } = certificates
  const { hub, log } = await startHub({
    ...(anonymous && { mqttAnonymous: true }),
    config: `{
      tls: { cert: ${cert}\n key: ${key}\n ca: ${ca}\n }
      mqtt: { limits: { ${limits} } }
    }`,
  })
  const { mqtt: mqttPort = 0, front: frontPort = 0 } = hub.ports
  const urls = {
    ...{ tcp: `mqtt://localhost:${mqttPort}`, tls: `mqtts://localhost:${mqttPort}` },
    ...{ ws: `ws://localhost:${frontPort}/mqtt`, wss: `wss://localhost:${frontPort}/mqtt` },
  }
  const { mqtt: account } = hub.accounts
  if (account === undefined) throw new Error('the hub has no account for MQTT')
  return { account, mqttPort, frontPort, log, url: (transport) => urls[transport] }
}
