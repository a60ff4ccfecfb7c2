/**
 * `@halyard/mqtt` beside MQTT.js, Python's paho and Mosquitto's tools, on the same servers: the server on core 0, the client
 * on core 1. docs/performance.md, “The MQTT client”.
 *
 * For a look at a part of it: `CLIENT_BENCH_ONLY=import,first,publish,receive,idle,drain`, `CLIENT_BENCH_ROUNDS=1`,
 * `CLIENT_BENCH_MESSAGES=50000`.
 */
import { makeCertificate } from './mqtt/certificate.ts'
import { startMosquitto } from './mqtt/servers.ts'
import { drains, publishing, receiving } from './mqtt-client/cases.ts'
import { hasPaho, startServer } from './mqtt-client/programs.ts'
import { firstPublish, idleMemory, imports } from './mqtt-client/starts.ts'

const ROUNDS = Number(process.env['CLIENT_BENCH_ROUNDS'] ?? 5)
const MESSAGES = Number(process.env['CLIENT_BENCH_MESSAGES'] ?? 300_000)
const only = process.env['CLIENT_BENCH_ONLY']?.split(',')
const wanted = (name: string): boolean => only === undefined || only.includes(name)

const hub = await startServer()
const mosquitto = await startMosquitto(makeCertificate())
const servers = [
  { name: 'the hub', pid: hub.pid, port: hub.port },
  { name: 'Mosquitto', pid: mosquitto.pid, port: mosquitto.ports.tcp },
]
const [first] = servers
if (!first) throw new Error('no server')
if (!hasPaho()) console.log('paho is left out: apt-get install python3-paho-mqtt')

const met: boolean[] = []
if (wanted('import')) met.push(await imports(ROUNDS))
if (wanted('first')) met.push(await firstPublish(first.port, ROUNDS))
for (const server of servers) {
  if (wanted('publish')) met.push(await publishing(server, ROUNDS, MESSAGES))
  if (wanted('receive')) met.push(await receiving(server, ROUNDS, MESSAGES))
}
if (wanted('drain')) met.push(await drains(first, ROUNDS))
if (wanted('idle')) met.push(await idleMemory(first.port, ROUNDS))
await Promise.all([hub.stop(), mosquitto.stop()])
process.exitCode = met.every(Boolean) ? 0 : 1
