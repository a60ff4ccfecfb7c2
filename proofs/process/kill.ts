/** A sender that is killed again and again at random moments, and a last one that is left alone. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Outbox } from '@halyard/core'
import { seededRandom } from '@halyard/testkit'
import { checkPromises } from '../outbox/promises.ts'
import type { Fact } from '../outbox/promises.ts'
import { ending } from '../runner/run-proof.ts'
import { Peer } from './peer.ts'

const SENDER = join(import.meta.dirname, 'sender.mjs')
/** messages of a round */
const COUNT = 40
/** A process that is not through after so many milliseconds, a hundred times what it needs, waits for something that does not come. */
const PATIENCE = 120_000

export interface KillResult {
  readonly rounds: number
  /** Rounds in which the process was killed before it was through. */
  readonly killed: number
  readonly promises: number
  readonly received: number
  /** Messages that came a second time: their answer was lost with the process, or with the connection. */
  readonly repeated: number
}

export async function killAgainAndAgain(options: { rounds: number; seed: number }): Promise<KillResult> {
  const random = seededRandom(options.seed)
  const directory = await mkdtemp(join(tmpdir(), 'halyard-kill-'))
  const peer = await Peer.listen(random.fork())
  const facts: Fact[] = []
  peer.onReceived = (id) => facts.push({ what: 'sent', id })
  let killed = 0
  try {
    for (let round = 0; round <= options.rounds; round++) {
      const seed = random.integer(2 ** 32)
      const child = startSender({ path: join(directory, 'outbox'), port: peer.port, seed, round })
      const last = round === options.rounds
      // By what it has said, so that kills fall on the work and not on the start; some rounds get to their end.
      if (!last) killAfter(child, { lines: random.integer(3 * COUNT), more: random.integer(8) })
      const { facts: said, signal, code, errors } = await finished(child)
      facts.push(...said)
      if (signal === 'SIGKILL') killed++
      else if (code !== 0) throw new Error(`round ${round} ended ${ending(code, signal)}: ${errors}`)
    }
    checkPromises(facts, await found(join(directory, 'outbox')))
    const received = peer.received.length
    const repeated = received - new Set(peer.received).size
    return { rounds: options.rounds, killed, promises: facts.length - received, received, repeated }
  } catch (error) {
    throw new Error(`seed ${options.seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  } finally {
    await peer.close()
    await rm(directory, { recursive: true, force: true })
  }
}

export interface SenderOptions {
  readonly path: string
  readonly port: number
  readonly seed: number
  /** Begins the numbers of its messages. */
  readonly round: number
  /** It kills itself (SIGKILL) when it has said so many lines. */
  readonly lines?: number | undefined
}

export function startSender(options: SenderOptions, tracer: readonly string[] = []): ChildProcess {
  const { path, port, seed, round, lines = Infinity } = options
  const sender = [process.execPath, SENDER, path, ...[port, seed, round, COUNT, lines].map(String)]
  const [command = '', ...args] = [...tracer, ...sender]
  // The tracer of file operations sees system calls; the kernel's queue for them it would not see.
  const env = { ...process.env, UV_USE_IO_URING: '0', NODE_OPTIONS: '' }
  return spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env })
}

function killAfter(child: ChildProcess, { lines, more }: { lines: number; more: number }): void {
  let seen = 0
  createInterface({ input: child.stdout ?? process.stdin }).on('line', () => {
    if (seen++ === lines) setTimeout(() => child.kill('SIGKILL'), more)
  })
}

interface Ending {
  readonly facts: Fact[]
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly errors: string
}

/** What the process has said until it ended, in whatever way; one that does not end is an error. */
export function finished(child: ChildProcess): Promise<Ending> {
  let said = ''
  let errors = ''
  let stuck = false
  const patience = setTimeout(() => {
    stuck = true
    child.kill('SIGKILL')
  }, PATIENCE)
  child.stdout?.on('data', (text: Buffer) => (said += text.toString()))
  child.stderr?.on('data', (text: Buffer) => (errors += text.toString()))
  return new Promise((resolve, reject) => {
    child.on('error', (error) => {
      clearTimeout(patience)
      reject(error)
    })
    child.on('close', (code, signal) => {
      clearTimeout(patience)
      if (!stuck) return resolve({ facts: factsOf(said), code, signal, errors })
      const last = said.trimEnd().split('\n').at(-1) ?? ''
      reject(new Error(`a sender did not end within ${PATIENCE / 1000} s; its last word was '${last}'. ${errors}`))
    })
  })
}

/** The promises in what a sender wrote; a line that the kill cut off was made to nobody. */
export function factsOf(said: string): Fact[] {
  const facts: Fact[] = []
  for (const line of said.slice(0, said.lastIndexOf('\n') + 1).split('\n')) {
    const [what, id] = line.split(' ')
    if (id !== undefined) facts.push({ what: what as Fact['what'], id })
  }
  return facts
}

async function found(path: string): Promise<{ handed: string[]; stateOf: (id: string) => string | undefined }> {
  await using outbox = await Outbox.open({ path, readOnly: true })
  if (outbox.depth > 0) throw new Error(`${outbox.depth} messages are left though the last process went idle`)
  const states = new Map<string, string>()
  for await (const { id, state } of outbox.entries()) states.set(id, state)
  return { handed: [], stateOf: (id) => states.get(id) }
}
