/**
 * What the hub keeps for MQTT sessions, beside Mosquitto and Aedes: each server on core 0, the load on core 1.
 * docs/performance.md, “What is durable”.
 *
 * For a look at a part of it: `MQTT_BENCH_ONLY=offline,slow,restart,resume,online`, `MQTT_BENCH_ROUNDS=1`,
 * `MQTT_BENCH_SECONDS=1`.
 */
import { makeCertificate } from './mqtt/certificate.ts'
import { DURABLE_CASES, durableTable, slowDisk } from './mqtt/durable.ts'
import { restart, resume } from './mqtt/restart.ts'
import { startAedes, startHub, startMosquitto } from './mqtt/servers.ts'
import { buildLoad, mosquittoVersion, slowSync } from './mqtt/tools.ts'

const ROUNDS = Number(process.env['MQTT_BENCH_ROUNDS'] ?? 3)
const SECONDS = Number(process.env['MQTT_BENCH_SECONDS'] ?? 1)
const SLOWER = 5
const only = process.env['MQTT_BENCH_ONLY']?.split(',')
const wanted = (name: string): boolean => only === undefined || only.some((part) => name.includes(part))

/** Nobody drops anything: a queue takes what a load brings. */
const limits = { queuedMessages: 1e8, queuedBytes: 2 ** 37, totalQueuedBytes: 2 ** 37 }

const generator = buildLoad()
const certificate = makeCertificate()
console.log(`Mosquitto ${mosquittoVersion()} as Debian has it, Aedes 1.2.0`)
const results: boolean[] = []

const cases = DURABLE_CASES.filter(({ name }) => wanted(name))
if (cases.length > 0) {
  const contenders = [
    { name: 'hub', start: () => startHub(certificate, { limits }), isNewEachTime: false },
    { name: 'Mosquitto', start: () => startMosquitto(certificate), isNewEachTime: false },
    { name: '… strictest', start: () => startMosquitto(certificate, 'strictest'), isNewEachTime: true },
    { name: 'Aedes', start: () => startAedes(certificate), isNewEachTime: true },
  ]
  results.push(await durableTable(generator, contenders, cases, ROUNDS, SECONDS))
}
if (wanted('resume')) {
  const servers = [
    await startHub(certificate, { limits }),
    await startMosquitto(certificate),
    await startAedes(certificate),
  ]
  await resume(generator, servers)
  await Promise.all(servers.map((server) => server.stop()))
}
if (wanted('slow')) {
  const fast = await startHub(certificate, { limits })
  const slow = await startHub(certificate, { limits, environment: slowSync(SLOWER) })
  results.push(await slowDisk(generator, { fast, slow }, ROUNDS, SECONDS))
  await Promise.all([fast.stop(), slow.stop()])
}
if (wanted('restart')) results.push(await restart(generator, certificate, { limits }))
process.exitCode = results.every(Boolean) ? 0 : 1
