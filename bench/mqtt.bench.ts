/**
 * The hub's MQTT beside Mosquitto and Aedes: each server on core 0, the load on core 1. docs/performance.md, “MQTT”.
 *
 * For a look at a part of it: `MQTT_BENCH_ONLY=ping-pong,idle`, `MQTT_BENCH_ROUNDS=1`, `MQTT_BENCH_SECONDS=1`.
 */
import { CASES } from './mqtt/cases.ts'
import { makeCertificate } from './mqtt/certificate.ts'
import { startAedes, startHub, startMosquitto } from './mqtt/servers.ts'
import { compare } from './mqtt/table.ts'
import { buildLoad, mosquittoVersion } from './mqtt/tools.ts'

const ROUNDS = Number(process.env['MQTT_BENCH_ROUNDS'] ?? 5)
const SECONDS = Number(process.env['MQTT_BENCH_SECONDS'] ?? 1.5)
const only = process.env['MQTT_BENCH_ONLY']?.split(',')
const wanted = (name: string): boolean => only === undefined || only.some((part) => name.includes(part))

const generator = buildLoad()
const certificate = makeCertificate()
const hub = await startHub(certificate)
const mosquitto = await startMosquitto(certificate)
const aedes = await startAedes(certificate)
console.log(`Mosquitto ${mosquittoVersion()} as Debian has it, Aedes 1.2.0`)
const results: boolean[] = []
const both = { rounds: ROUNDS, seconds: SECONDS }

const cases = CASES.filter(({ name }) => wanted(`tcp ${name}`))
if (cases.length > 0) {
  const servers = [hub, mosquitto, aedes]
  results.push(await compare(generator, { title: 'TCP', wire: 'tcp', cases, servers, ...both, hasFloors: true }))
}
await Promise.all([hub.stop(), mosquitto.stop(), aedes.stop()])
process.exitCode = results.every(Boolean) ? 0 : 1
