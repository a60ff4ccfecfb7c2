/** The guide's table for those who come from MQTT.js: each row is run, `make testAll`, by tests that have its name. */
import { readFileSync, readdirSync } from 'node:fs'
import { expect, it } from 'vitest'

const guide = readFileSync(new URL('../../../docs/guide/mqtt-client.md', import.meta.url), 'utf8')
const [, section = ''] = /## For those who come from MQTT\.js\n(.*?)\n## /su.exec(guide) ?? []
const rows = [...section.matchAll(/^\| (?!MQTT\.js|-)(.+?) +\|/gmu)].map(([, name = '']) => name)

const folder = new URL('all/mqttjs/', import.meta.url)
const tests = readdirSync(folder)
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => readFileSync(new URL(name, folder), 'utf8'))
  .join('\n')
const described = [...tests.matchAll(/^describe\('(.+?)', /gmu)].map(([, name = '']) => name)

it('every row was run, and what was run has its row', () => {
  expect(rows.length).toBeGreaterThan(30)
  expect(described.toSorted()).toEqual(rows.toSorted())
})
