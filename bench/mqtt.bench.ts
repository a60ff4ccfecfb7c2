/**
 * The hub's MQTT beside Mosquitto and Aedes: each server on core 0, the load on core 1. docs/performance.md, “MQTT”.
 *
 * For a look at a part of it: `MQTT_BENCH_ONLY=ping-pong,idle`, `MQTT_BENCH_ROUNDS=1`, `MQTT_BENCH_SECONDS=1`.
 */
import { CASES } from './mqtt/cases.ts'
import { makeCertificate } from './mqtt/certificate.ts'
import { startAedes, startHub, startMosquitto } from './mqtt/servers.ts'
import { idleConnections, slowReader, subscriptionIndex } from './mqtt/single.ts'
import { compare } from './mqtt/table.ts'
import { buildLoad, mosquittoVersion } from './mqtt/tools.ts'

const ROUNDS = Number(process.env['MQTT_BENCH_ROUNDS'] ?? 5)
const SECONDS = Number(process.env['MQTT_BENCH_SECONDS'] ?? 1.5)
const only = process.env['MQTT_BENCH_ONLY']?.split(',')
const wanted = (name: string): boolean => only === undefined || only.some((part) => name.includes(part))

const generator = buildLoad()
const certificate = makeCertificate()
let hub = await startHub(certificate)
let mosquitto = await startMosquitto(certificate)
let aedes = await startAedes(certificate)
console.log(`Mosquitto ${mosquittoVersion()} as Debian has it, Aedes 1.2.0`)
const results: boolean[] = []
const both = { rounds: ROUNDS, seconds: SECONDS }

const WIRES = [
  { title: 'TCP', wire: 'tcp', servers: [hub, mosquitto, aedes], hasFloors: true },
  { title: 'TLS', wire: 'tls', servers: [hub, mosquitto, aedes], hasFloors: false },
  // Aedes has no WebSocket of its own.
  { title: 'WebSocket', wire: 'websocket', servers: [hub, mosquitto], hasFloors: false },
] as const
for (const { title, wire, servers, hasFloors } of WIRES) {
  const cases = CASES.filter(({ name }) => wanted(`${wire} ${name}`))
  if (cases.length === 0) continue
  if (wire === 'tls' && !generator.speaksTls) {
    console.log('\nTLS is left out: the load generator was built without it; apt-get install libssl-dev')
    continue
  }
  results.push(await compare(generator, { title, wire, cases, servers, ...both, hasFloors }))
}
if (wanted('slow')) results.push(await slowReader(generator, [hub, mosquitto], ROUNDS, SECONDS))
if (wanted('index')) results.push(subscriptionIndex())
if (wanted('idle')) {
  // What a load leaves in a process is not the connections'.
  await Promise.all([hub.stop(), mosquitto.stop(), aedes.stop()])
  ;[hub, mosquitto, aedes] = [
    await startHub(certificate),
    await startMosquitto(certificate),
    await startAedes(certificate),
  ]
  results.push(await idleConnections(generator, [hub, mosquitto, aedes]))
}
await Promise.all([hub.stop(), mosquitto.stop(), aedes.stop()])
process.exitCode = results.every(Boolean) ? 0 : 1
