// `node mqttjs-node.mjs mqtt|mqtt1`: MQTT.js of that package under Node, commands as JSON lines on standard input, answers
// and events as JSON lines on standard output.
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { mqttjs } from './mqttjs.mjs'

const { default: mqtt } = await import(process.argv[2])
const run = mqttjs(mqtt, (event) => process.stdout.write(`${JSON.stringify(event)}\n`))
for await (const line of createInterface({ input: process.stdin })) {
  const { ca, ...command } = JSON.parse(line)
  void run({ ...command, ...(ca && { ca: readFileSync(ca) }) })
}
process.exit()
