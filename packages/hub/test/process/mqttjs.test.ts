/** A short round with a stock client in a process of its own; `make testAll` has the long one, packages/hub/test/all/mqtt. */
import { join } from 'node:path'
import { describe } from 'vitest'
import type { Certificates } from '../all/mqtt/support/certificates.ts'
import { sharedProgram, startProgram, useClients } from '../all/mqtt/support/programs.ts'
import { commonScenarios } from '../all/mqtt/support/scenarios.ts'
import type { Way } from '../all/mqtt/support/scenarios.ts'
import { scenarios5 } from '../all/mqtt/support/scenarios5.ts'

const fixture = (name: string): string => join(import.meta.dirname, '../fixtures', name)
const [cert, key] = [fixture('cert.pem'), fixture('key.pem')]
const certificates: Certificates = { ca: cert, cert, key, clientCert: cert, clientKey: key }

useClients()

describe.each([
  [4, 'tcp'],
  [5, 'ws'],
] as const)('MQTT.js 5.16.0, protocol level %i, %s', (version, transport) => {
  const way: Way = {
    version,
    transport,
    certificates: () => certificates,
    driver: sharedProgram('MQTT.js 5.16.0'),
    another: () => startProgram('MQTT.js 5.16.0'),
  }
  commonScenarios(way)
  if (version === 5) scenarios5({ ...way, showsReasons: true, hasAliases: 'both ways' })
})
