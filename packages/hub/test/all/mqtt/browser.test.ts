/** A page in Chromium with the bundle of MQTT.js 5.16.0, over WebSocket. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Browser } from './support/browser.ts'
import type { Tab } from './support/browser.ts'
import { useCertificates } from './support/certificates.ts'
import { useClients } from './support/programs.ts'
import { Scene, commonScenarios } from './support/scenarios.ts'
import type { Way } from './support/scenarios.ts'
import { scenarios5 } from './support/scenarios5.ts'

useClients()
const certificates = useCertificates()
let browser: Browser
let tab: Tab
beforeAll(async () => {
  browser = new Browser()
  tab = await browser.open()
}, 60_000)
afterAll(() => browser[Symbol.asyncDispose]())

describe.each(
  (['ws', 'wss'] as const).flatMap((transport) => ([3, 4, 5] as const).map((version) => ({ version, transport }))),
)('Chromium, protocol level $version, $transport', ({ version, transport }) => {
  const way: Way = {
    version,
    transport,
    certificates,
    driver: () => tab,
    another: () => browser.open(),
    ...(version === 3 && { extra: { protocolId: 'MQIsdp' } }),
  }
  commonScenarios(way)
  if (version === 5) scenarios5({ ...way, showsReasons: true, hasAliases: 'both ways' })
})

it('with `tls.ca` the front door asks a browser for no certificate: wss goes by password', async () => {
  const way: Way = { version: 5, transport: 'wss', certificates, driver: () => tab, another: () => browser.open() }
  const scene = await Scene.open(way, { clientCertificates: true })
  const client = await scene.connected()
  expect(await client.subscribe('page', 1)).toEqual([1])
  await client.publish('page', 'ahoy', { qos: 1 })
  await client.received(1)
})
