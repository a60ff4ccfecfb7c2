/**
 * Emitter's broker in the hub beside plain MQTT on the same hub and beside Mosquitto; what its requests cost; the stock SDK
 * beside our client. docs/performance.md, “Emitter”. Servers have core 0, the load has core 1.
 *
 * For a look at a part of it: `EMITTER_BENCH_ONLY=topics,keygen`, `MQTT_BENCH_ROUNDS=1`, `MQTT_BENCH_SECONDS=1`.
 */
import { coldStart, sdkThroughput } from './emitter/clients.ts'
import { keygenRate, lastTen, presenceOfMany } from './emitter/requests.ts'
import { throughTopics } from './emitter/topics.ts'
import { makeCertificate } from './mqtt/certificate.ts'
import { startHub, startMosquitto } from './mqtt/servers.ts'
import { buildLoad } from './mqtt/tools.ts'
import { stockClients } from './peers.ts'

const ROUNDS = Number(process.env['MQTT_BENCH_ROUNDS'] ?? 5)
const SECONDS = Number(process.env['MQTT_BENCH_SECONDS'] ?? 1.5)
const only = process.env['EMITTER_BENCH_ONLY']?.split(',')
const wanted = (name: string): boolean => only === undefined || only.includes(name)

if (wanted('clients') || wanted('start')) stockClients()
const generator = buildLoad()
const certificate = makeCertificate()
const hub = await startHub(certificate)
const results: boolean[] = []
if (wanted('topics')) {
  const mosquitto = await startMosquitto(certificate)
  results.push(await throughTopics(generator, hub, mosquitto, ROUNDS, SECONDS))
  await mosquitto.stop()
}
if (wanted('keygen')) await keygenRate(hub, ROUNDS, SECONDS)
if (wanted('last')) await lastTen(hub, ROUNDS)
if (wanted('presence')) await presenceOfMany(hub)
if (wanted('clients')) results.push(await sdkThroughput(hub, ROUNDS))
if (wanted('start')) results.push(await coldStart(hub, ROUNDS))
await hub.stop()
process.exitCode = results.every(Boolean) ? 0 : 1
