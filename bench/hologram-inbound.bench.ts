/** The inbound socket: messages a second, one connection each, and what it costs while nobody comes. */
import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import { report } from './lib.ts'

const MANY = 4000
const AT_ONCE = 16
/** Long enough that the processor time of a process that sleeps is more than the clock's grain. */
const IDLE_SECONDS = 10
const tsx = { execArgv: ['--import', 'tsx'] }

interface Receiver {
  readonly port: number
  /** Processor time used so far, in seconds. */
  readonly used: () => Promise<number>
  readonly stop: () => void
}

async function nodeReceiver(kind: 'halyard' | 'bare'): Promise<Receiver> {
  const child = fork(join(import.meta.dirname, 'inbound-receiver.ts'), [kind], tsx)
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  return {
    port,
    async used() {
      child.send('used')
      const [{ seconds }] = (await once(child, 'message')) as [{ seconds: number }]
      return seconds
    },
    stop: () => child.disconnect(),
  }
}

async function pythonReceiver(kind: 'threads' | 'poll'): Promise<Receiver> {
  const child = spawn('python3', [join(import.meta.dirname, 'python-receive.py'), kind], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })
  const next = async (): Promise<number> => Number(((await once(lines, 'line')) as [string])[0])
  return {
    port: await next(),
    used() {
      const answer = next()
      child.stdin.write('\n')
      return answer
    },
    stop: () => child.stdin.end(),
  }
}

/** Messages a second. */
async function received(opening: Promise<Receiver>): Promise<number> {
  const receiver = await opening
  try {
    const load = fork(join(import.meta.dirname, 'inbound-load.ts'), [receiver.port, MANY, AT_ONCE].map(String), tsx)
    const [figure] = (await once(load, 'message')) as [number]
    if (load.exitCode === null) await once(load, 'exit')
    return figure
  } finally {
    receiver.stop()
  }
}

/** Seconds of processor time in a minute in which nobody comes. */
async function idle(opening: Promise<Receiver>): Promise<number> {
  const receiver = await opening
  try {
    // What the start has left to do is no part of it.
    await wait(500)
    const [before, begun] = [await receiver.used(), performance.now()]
    await wait(IDLE_SECONDS * 1000)
    return ((await receiver.used()) - before) / ((performance.now() - begun) / 60_000)
  } finally {
    receiver.stop()
  }
}

await report({
  name: `inbound messages, ${AT_ONCE} connections at once`,
  unit: 'messages/s',
  better: 'higher',
  peer: "Node's bare sockets",
  contenders: [
    { name: 'CustomCloud, message.received', run: () => received(nodeReceiver('halyard')) },
    { name: "Node's bare sockets", run: () => received(nodeReceiver('bare')) },
    { name: "Python's socketserver", run: () => received(pythonReceiver('threads')) },
  ],
  remark: 'One TCP connection a message; who sends and who receives share two cores.',
})
const met = await report({
  name: 'an inbound socket on which nobody comes',
  unit: 'processor seconds a minute',
  better: 'lower',
  peer: 'Python, asking again and again',
  rounds: 2,
  // One percent of a core.
  goal: { figure: 0.6 },
  contenders: [
    { name: 'CustomCloud', run: () => idle(nodeReceiver('halyard')) },
    { name: "Node's bare sockets", run: () => idle(nodeReceiver('bare')) },
    { name: 'Python, asking again and again', run: () => idle(pythonReceiver('poll')) },
  ],
  remark:
    'The original SDK asks so too, with pauses for its locks: 38 s a minute (64 % of a core) were measured of it.',
})
process.exitCode = met ? 0 : 1
