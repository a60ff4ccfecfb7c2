/** What a program pays before its first message, and while it waits for one. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { peer } from '../peers.ts'
import { report, startTime, startTimeOver } from '../lib.ts'
import { programs } from '../workspace.ts'
import { CLIENT_CORE, hasPaho } from './programs.ts'

const OURS = pathToFileURL(join(import.meta.dirname, '../../packages/mqtt/dist/index.js')).href
const theirs = (): string => pathToFileURL(peer('mqtt', 'build/index.js')).href
const script = programs('mqtt-client-start')
const run = (words: readonly string[]) => (): number => startTime(words, CLIENT_CORE)

export function imports(rounds: number): Promise<boolean> {
  const empty = script('empty', '')
  const over = (words: readonly string[]) => (): number => startTimeOver(empty, words, CLIENT_CORE)
  const importing = (name: string, url: string): readonly string[] =>
    script(name, `await import(${JSON.stringify(url)})`)
  return report({
    name: "import('@halyard/mqtt') over bare Node",
    unit: 'ms',
    better: 'lower',
    goal: { figure: 15 },
    peer: 'MQTT.js',
    rounds,
    contenders: [
      { name: '@halyard/mqtt', run: over(importing('ours', OURS)) },
      { name: 'MQTT.js', run: over(importing('theirs', theirs())) },
      { name: "'node:net' alone", run: over(importing('net', 'node:net')) },
    ],
  })
}

/** A whole process: it starts, connects, publishes with QoS 1, hears the PUBACK, says good-bye and ends. */
export function firstPublish(port: number, rounds: number): Promise<boolean> {
  const url = `mqtt://127.0.0.1:${port}`
  const once = script('once', `import { publishOnce } from '${OURS}'\nawait publishOnce('${url}', 'bench/first', 'x')`)
  const mqttjs = script(
    'mqttjs-once',
    `import mqtt from '${theirs()}'
const client = await mqtt.connectAsync('${url}', { protocolVersion: 5 })
await client.publishAsync('bench/first', 'x', { qos: 1 })
await client.endAsync()`,
  )
  const words = ['-V', '5', '-h', '127.0.0.1', '-p', String(port), '-t', 'bench/first', '-m', 'x', '-q', '1']
  const paho = `from paho.mqtt import publish; publish.single("bench/first", "x", 1, hostname="127.0.0.1", port=${port})`
  return report({
    name: 'a process that publishes once, QoS 1',
    unit: 'ms',
    better: 'lower',
    peer: 'MQTT.js',
    rounds,
    contenders: [
      { name: '@halyard/mqtt', run: run(once) },
      { name: 'MQTT.js', run: run(mqttjs) },
      { name: 'mosquitto_pub', run: run(['mosquitto_pub', ...words]) },
      ...(hasPaho() ? [{ name: 'paho', run: run(['/usr/bin/python3', '-c', paho]) }] : []),
      { name: 'Node alone', run: run(script('nothing', '')) },
    ],
  })
}

/** Resident memory of a process that has connected and subscribed, over that of Node with nothing to do. */
export function idleMemory(port: number, rounds: number): Promise<boolean> {
  const url = `mqtt://127.0.0.1:${port}`
  const tell = `for (let i = 0; i < 3; i++) gc()
console.log(process.memoryUsage.rss())
process.exit()`
  const rss = (words: readonly string[]): number => {
    const [node = '', ...others] = words
    return Number(execFileSync(node, ['--expose-gc', ...others], { encoding: 'utf8' }))
  }
  const bare = script('idle-bare', tell)
  const ours = script(
    'idle-ours',
    `import { connect } from '${OURS}'
const client = await connect('${url}')
await client.subscribe('bench/idle', { onMessage() {} })
${tell}`,
  )
  const mqttjs = script(
    'idle-mqttjs',
    `import mqtt from '${theirs()}'
const client = await mqtt.connectAsync('${url}', { protocolVersion: 5 })
client.on('message', () => {})
await client.subscribeAsync('bench/idle')
${tell}`,
  )
  const over = (words: readonly string[]) => (): number => (rss(words) - rss(bare)) / 2 ** 20
  return report({
    name: 'an idle client with one subscription, over bare Node',
    unit: 'MiB resident',
    better: 'lower',
    peer: 'MQTT.js',
    rounds,
    contenders: [
      { name: '@halyard/mqtt', run: over(ours) },
      { name: 'MQTT.js', run: over(mqttjs) },
    ],
  })
}
