/** A real sender is traced while it works; then the power is cut at many moments of what it did. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Outbox } from '@halyard/core'
import { seededRandom } from '@halyard/testkit'
import { checkPromises } from '../outbox/promises.ts'
import type { Fact } from '../outbox/promises.ts'
import { factsOf, finished, startSender } from '../process/kill.ts'
import type { SenderOptions } from '../process/kill.ts'
import { Peer } from '../process/peer.ts'
import { DiskModel } from './disk-model.ts'
import { bytesOf, nameOf, parseStrace, straceCommand } from './strace.ts'
import type { Trace } from './strace.ts'

export interface PowerCutResult {
  readonly calls: number
  readonly syncs: number
  readonly cuts: number
  /** Promises that were checked, over all cuts. */
  readonly promises: number
  /** Messages that went out after the cuts. */
  readonly handed: number
}

export interface PowerCutOptions {
  readonly seed: number
  /** Processes traced one after the other in one directory, each but the last killed. */
  readonly runs: number
  readonly cuts: number
  /** A call of which the model shall not hear, as if the process had left it out: what the proof must notice. */
  readonly without?: 'fsync' | 'fdatasync'
}

/** @throws {Error} that names the seed and the moment; also if there is no strace */
export async function cutPower(options: PowerCutOptions): Promise<PowerCutResult> {
  const random = seededRandom(options.seed)
  // What is not below this directory is not followed, so it is there from the start.
  const root = await mkdtemp(join(tmpdir(), 'halyard-power-'))
  const found = await mkdtemp(join(tmpdir(), 'halyard-found-'))
  const peer = await Peer.listen(random.fork())
  try {
    const texts: string[] = []
    for (let round = 0; round < options.runs; round++) {
      const last = round === options.runs - 1
      const call = { path: join(root, 'box', 'outbox'), port: peer.port, seed: random.integer(2 ** 32), round }
      texts.push(await traceSender({ ...call, lines: last ? undefined : 20 + random.integer(80) }))
    }
    const { calls, events } = parseStrace(...texts)
    const trace = { calls: calls.filter(({ name }) => name !== options.without), events }
    const model = new DiskModel(root, trace)
    const promises = promisesOf(trace)
    let checked = 0
    let handed = 0
    for (let cut = 0; cut < options.cuts; cut++) {
      // Half of the cuts just behind a sync, where promises are made; half anywhere.
      const sync = random.pick(model.syncs)
      const moment = random.chance(0.5) ? sync + 1 + random.integer(3) : random.integer(trace.events)
      const facts = promises.filter(({ begin }) => begin < moment)
      const fates = random.fork()
      try {
        await model.materialise(moment, fates, found)
        handed += await checkDirectory(join(found, 'box', 'outbox'), facts)
      } catch (error) {
        const what = error instanceof Error ? error.message : String(error)
        throw new Error(`seed ${options.seed}, cut ${cut} at event ${moment} of ${trace.events}: ${what}`, {
          cause: error,
        })
      }
      checked += facts.length
    }
    return { calls: trace.calls.length, syncs: model.syncs.length, cuts: options.cuts, promises: checked, handed }
  } finally {
    await peer.close()
    await rm(root, { recursive: true, force: true })
    await rm(found, { recursive: true, force: true })
  }
}

async function traceSender(sender: SenderOptions): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'halyard-trace-'))
  try {
    const output = join(directory, 'trace')
    const { code, signal, errors } = await finished(startSender(sender, straceCommand(output)))
    if (code !== 0 && signal !== 'SIGKILL') throw new Error(`the traced sender ended with ${code ?? signal}: ${errors}`)
    return await readFile(output, 'latin1')
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    throw missing ? new Error('there is no strace; install it: apt-get install strace', { cause: error }) : error
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/**
 * What the process told: lines on standard output, messages on sockets. A promise counts from the moment at which its
 * write begins, for from then on somebody may have read it.
 */
function promisesOf(trace: Trace): (Fact & { readonly begin: number })[] {
  const promises: (Fact & { begin: number })[] = []
  for (const { name, args, begin } of trace.calls) {
    if (!['write', 'writev', 'sendto', 'sendmsg'].includes(name)) continue
    const said = bytesOf(args[1]).toString('latin1')
    const [descriptor = ''] = args
    if (/^1(<|$)/.test(descriptor)) promises.push(...factsOf(said).map((fact) => ({ ...fact, begin })))
    else if (nameOf(descriptor).startsWith('socket:'))
      for (const [, id = ''] of said.matchAll(/^(\w+\/\w+:\d+!?)$/gm)) promises.push({ what: 'sent', id, begin })
  }
  return promises
}

/** Opens what was found, as the next process would, and lets everything go out. */
async function checkDirectory(path: string, facts: readonly Fact[]): Promise<number> {
  const handed: string[] = []
  const outbox = await Outbox.open({ path })
  for (const destination of ['a', 'b', 'sms']) {
    outbox.attach(destination, ({ id, options, body }) => {
      const topics = (options['topics'] as unknown[] | undefined)?.[0]
      const whole = Buffer.alloc(body.length, id)
      if (topics !== id || !whole.equals(body)) throw new Error(`${id} came back changed`)
      handed.push(id)
      return Promise.resolve({ outcome: 'delivered' })
    })
  }
  await outbox.idle()
  const states = new Map<string, string>()
  for await (const { id, state } of outbox.entries()) states.set(id, state)
  await outbox.close()
  checkPromises(facts, { handed, stateOf: (id) => states.get(id) })
  return handed.length
}
