/** MQTT.js as npm has it, unchanged: 5.16.0, and 1.11.2, which the Emitter SDK for JavaScript stands on. */
import { describe } from 'vitest'
import { useCertificates } from './support/certificates.ts'
import { sharedProgram, startProgram, useClients } from './support/programs.ts'
import type { ClientKind } from './support/programs.ts'
import { commonScenarios } from './support/scenarios.ts'
import type { Way } from './support/scenarios.ts'
import { scenarios5 } from './support/scenarios5.ts'

useClients()
const certificates = useCertificates()

function wayOf(kind: ClientKind, version: Way['version'], transport: Way['transport']): Way {
  return {
    version,
    transport,
    certificates,
    driver: sharedProgram(kind),
    another: () => startProgram(kind),
    // MQTT.js speaks 3.1 only if it is told its old name too.
    ...(version === 3 && { extra: { protocolId: 'MQIsdp' } }),
  }
}

const TRANSPORTS = ['tcp', 'tls', 'ws', 'wss'] as const

describe.each([
  ...TRANSPORTS.flatMap((transport) =>
    ([3, 4, 5] as const).map((version) => ({ kind: 'MQTT.js 5.16.0', version, transport }) as const),
  ),
  ...TRANSPORTS.flatMap((transport) =>
    ([3, 4] as const).map((version) => ({ kind: 'MQTT.js 1.11.2', version, transport }) as const),
  ),
])('$kind, protocol level $version, $transport', ({ kind, version, transport }) => {
  const way = wayOf(kind, version, transport)
  commonScenarios(way)
  if (version === 5) scenarios5({ ...way, showsReasons: true, hasAliases: 'both ways' })
})
