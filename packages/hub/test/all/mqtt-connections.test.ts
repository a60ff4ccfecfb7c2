import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { expect, it, onTestFinished } from 'vitest'
import { startBroker } from '../mqtt/broker.ts'
import { until } from '../support.ts'

/** As hostile.test.ts has it with 1,000: 10,000 connections at once. The clients have a process, and files, of their own. */

const COUNT = 10_000

const CLIENTS = `
const { connect } = require('node:net')
const [port, count] = process.argv.slice(1).map(Number)
const sockets = []
let connected = 0
for (let i = 0; i < count; i++) {
  const socket = connect({ port, host: '127.0.0.1' })
  const id = 'many' + i
  const body = Buffer.concat([Buffer.from('00044d51545404020000', 'hex'), Buffer.from([0, id.length]), Buffer.from(id)])
  socket.write(Buffer.concat([Buffer.from([0x10, body.length]), body]))
  socket.once('data', (answer) => {
    if (answer.toString('hex') !== '20020000') throw new Error('refused: ' + answer.toString('hex'))
    if (++connected === count) console.log('all')
  })
  sockets.push(socket)
}
process.stdin.on('end', () => sockets.forEach((socket) => socket.destroy())).resume()
`

it('10,000 connections at once are all served, and leave nothing behind', async () => {
  const broker = await startBroker()
  const [speaker, listener] = [await broker.client(), await broker.client()]
  await listener.subscribe('between/us', { qos: 1 })
  const began = performance.now()
  const child = spawn(process.execPath, ['-e', CLIENTS, String(broker.port), String(COUNT)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  expect(line).toBe('all')
  expect(broker.server.connections).toBe(COUNT + 2)
  expect(performance.now() - began).toBeLessThan(60_000)
  await speaker.publish('between/us', 'still here', { qos: 1 })
  await listener.message('between/us', 'still here')
  child.stdin.end()
  await until('all have gone', () => broker.server.connections === 2)
  expect(broker.server.broker.sessions.size).toBe(2)
  expect(broker.log.texts('error')).toEqual([])
})
