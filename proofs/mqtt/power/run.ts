/** A real hub is traced while it acknowledges; then the power is cut at many moments of what it did. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seededRandom } from '@halyard/testkit'
import { DiskModel } from '../../power-cut/disk-model.ts'
import { nameOf, parseStrace } from '../../power-cut/strace.ts'
import type { CallEvent, Trace } from '../../power-cut/strace.ts'
import { Server } from '../servers.ts'
import { toldBy } from '../trace/told.ts'
import { traced } from '../trace/traced.ts'
import { LANES, SLEEPERS, leaveSleepers, messageOf, publishLanes } from '../trace/workload.ts'
import { checkSleepers } from './check.ts'
import type { Promised } from './check.ts'

export interface HubPowerCutOptions {
  readonly seed: number
  /** Hubs traced one after the other in one directory, each but the last killed. At most 3. */
  readonly runs: number
  readonly cuts: number
  /** messages of each of the 5 publishers of a run */
  readonly count: number
  /** A call on the journal of which the model shall not hear, as if the hub left it out: what the proof must notice. */
  readonly without?: 'fsync' | 'fdatasync'
  readonly onCut?: (cut: number) => void
}

export interface HubPowerCutResult {
  readonly calls: number
  readonly syncs: number
  readonly cuts: number
  /** Over all cuts: acknowledged messages, each for each session; and retained topics. */
  readonly promises: number
  /** Over all cuts: of sessions. */
  readonly deliveries: number
}

/** @throws {Error} that names the seed and the moment; also if there is no strace */
export async function cutPowerOfHub(options: HubPowerCutOptions): Promise<HubPowerCutResult> {
  const { seed, cuts, onCut } = options
  const random = seededRandom(seed)
  const found = await mkdtemp(join(tmpdir(), 'halyard-found-'))
  const server = await Server.prepare('hub')
  try {
    const trace = withoutCall(await traceRuns(server, options), options.without)
    const model = new DiskModel(server.directory, trace)
    const told = promisesOf(trace)
    let promises = 0
    let deliveries = 0
    for (let cut = 0; cut < cuts; cut++) {
      onCut?.(cut)
      // Half of the cuts just behind a sync, where promises are made; half anywhere.
      const moment = random.chance(0.5)
        ? random.pick(model.syncs) + 1 + random.integer(3)
        : random.integer(trace.events)
      const promised = told.before(moment)
      try {
        await model.materialise(moment, random.fork(), found)
        const checked = await restartIn(found, promised)
        promises += checked.promises
        deliveries += checked.deliveries
      } catch (error) {
        const what = error instanceof Error ? error.message : String(error)
        throw new Error(`seed ${seed}, cut ${cut} at event ${moment} of ${trace.events}: ${what}`, { cause: error })
      }
    }
    return { calls: trace.calls.length, syncs: model.syncs.length, cuts, promises, deliveries }
  } finally {
    await server.destroy()
    await rm(found, { recursive: true, force: true })
  }
}

async function traceRuns(server: Server, { seed, runs, count }: HubPowerCutOptions): Promise<Trace> {
  const random = seededRandom(seed).fork()
  const texts: string[] = []
  for (let run = 0; run < runs; run++) {
    const killAt = run === runs - 1 ? undefined : 1 + random.integer(LANES * count)
    const task = async (): Promise<void> => {
      if (run === 0) await leaveSleepers(server)
      await publishLanes({ server, random, run, count, killAt })
    }
    texts.push(await traced(server, task))
  }
  return parseStrace(...texts)
}

function withoutCall({ calls, events }: Trace, name: string | undefined): Trace {
  const isLeftOut = (call: CallEvent): boolean => call.name === name && nameOf(call.args[0]).includes('/journal/')
  return { calls: calls.filter((call) => !isLeftOut(call)), events }
}

/** What the hub said that it has: a promise counts from the moment at which its write begins. */
function promisesOf(trace: Trace): { readonly before: (moment: number) => Promised } {
  const told = toldBy(trace)
  return {
    before: (moment) => {
      const promised = { messages: [] as { lane: number; number: number }[], subacks: 0 }
      for (const { packet, begin } of told) {
        if (begin >= moment) continue
        if (packet.type === 'suback') promised.subacks++
        if (packet.type === 'puback' || packet.type === 'pubrec') promised.messages.push(messageOf(packet.packetId))
      }
      // Each of them subscribes three times, and one after the other.
      return { messages: promised.messages, sleepers: SLEEPERS.slice(0, Math.floor(promised.subacks / 3)) }
    },
  }
}

async function restartIn(
  directory: string,
  promised: Promised,
): Promise<{ readonly promises: number; readonly deliveries: number }> {
  const server = await Server.prepare('hub', directory)
  try {
    await server.start()
    return await checkSleepers(server, promised)
  } catch (error) {
    throw server.errors === '' ? error : new Error(`${String(error)}; the hub said: ${server.errors}`, { cause: error })
  } finally {
    await server.destroy()
  }
}
