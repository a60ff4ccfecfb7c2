/** Python's paho-mqtt as Debian has it, 1.6.1: what Home Assistant, zigbee2tasmota and half of all scripts speak. */
import { describe } from 'vitest'
import { useCertificates } from './support/certificates.ts'
import { sharedProgram, startProgram } from './support/programs.ts'
import { commonScenarios } from './support/scenarios.ts'
import type { Way } from './support/scenarios.ts'
import { scenarios5 } from './support/scenarios5.ts'

const certificates = useCertificates()

function wayOf(version: Way['version'], transport: Way['transport']): Way {
  return {
    version,
    transport,
    certificates,
    driver: sharedProgram('paho-mqtt 1.6.1'),
    another: () => startProgram('paho-mqtt 1.6.1'),
  }
}

describe.each(
  (['tcp', 'tls', 'ws', 'wss'] as const).flatMap((transport) =>
    ([3, 4, 5] as const).map((version) => ({ version, transport })),
  ),
)('paho-mqtt 1.6.1, protocol level $version, $transport', ({ version, transport }) => {
  const way = wayOf(version, transport)
  commonScenarios(way)
  if (version === 5) scenarios5({ ...way, showsReasons: false, hasAliases: 'to the hub' })
})
