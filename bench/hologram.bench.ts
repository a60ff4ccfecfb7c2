/** One connection per message, as the cloud socket wants it: ours, Python's sockets and Node's bare ones, one server. */
import { execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { HologramCloud } from '@halyard/hologram'
import { rate, report } from './lib.ts'
import { workspace } from './workspace.ts'

const TEXT = 'Hello, Python!'
const FRAME = `{"s": "1234", "c": "5678", "d": "${TEXT}"}\r\r`
const credentials = { cloud_id: '1234', cloud_key: '5678' }
const MANY = 4000

const server = fork(join(import.meta.dirname, 'reply-server.ts'), { execArgv: ['--import', 'tsx'] })
const [port] = (await once(server, 'message')) as [number]

async function atOnce(count: number, send: () => Promise<unknown>): Promise<void> {
  let left = MANY
  const sender = async (): Promise<void> => {
    while (left-- > 0) await send()
  }
  await Promise.all(Array.from({ length: count }, sender))
}

async function halyard(count: number, path?: string): Promise<number> {
  await using cloud = new HologramCloud(credentials, {
    sendHost: '127.0.0.1',
    sendPort: port,
    enableInbound: false,
    outbox: { concurrency: count, ordered: count === 1, ...(path !== undefined && { path }) },
  })
  await cloud.sendMessage(TEXT)
  return await rate(MANY, () =>
    atOnce(count, async () => {
      const { ok, description } = await cloud.sendMessage(TEXT)
      if (!ok) throw new Error(description)
    }),
  )
}

function bare(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true })
    let answer = ''
    socket.once('connect', () => socket.write(FRAME))
    socket.on('data', (chunk) => (answer += chunk.toString('latin1')))
    socket.once('end', () => (answer === '[0,0]' ? resolve() : reject(new Error(answer))))
    socket.once('error', reject)
  })
}

function python(count: number): number {
  const script = join(import.meta.dirname, 'python-send.py')
  return Number(execFileSync('python3', [script, String(port), String(MANY), String(count)], { encoding: 'utf8' }))
}

const remark = `A message of ${TEXT.length} characters is ${FRAME.length} bytes there and 5 back, in one TCP connection: nothing is added to the original's bytes.`
await report({
  name: 'Hologram messages, one after the other',
  unit: 'messages/s',
  better: 'higher',
  peer: 'Python sockets',
  contenders: [
    { name: 'HologramCloud, outbox in memory', run: () => halyard(1) },
    { name: 'HologramCloud, outbox on disk', run: () => halyard(1, join(workspace('send'), 'outbox')) },
    { name: "Node's bare sockets", run: () => rate(MANY, () => atOnce(1, bare)) },
    { name: 'Python sockets', run: () => python(1) },
  ],
  remark,
})
await report({
  name: 'Hologram messages, 16 at once',
  unit: 'messages/s',
  better: 'higher',
  peer: 'Python sockets',
  contenders: [
    { name: 'HologramCloud, outbox in memory', run: () => halyard(16) },
    { name: 'HologramCloud, outbox on disk', run: () => halyard(16, join(workspace('send'), 'outbox')) },
    { name: "Node's bare sockets", run: () => rate(MANY, () => atOnce(16, bare)) },
    { name: 'Python sockets', run: () => python(16) },
  ],
})
server.disconnect()
