/** Many slices of the decoder's fuzzing, on threads of their own. */
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { DecoderFuzz } from './decoder.ts'

const WORKER = join(import.meta.dirname, 'worker.mjs')
/** Inputs of one seed: few enough that what failed is soon repeated. */
const SLICE = 250_000

interface Slice {
  readonly found: DecoderFuzz
  readonly memory: number
}

export interface ThreadedFuzz {
  readonly fuzz: DecoderFuzz
  /** By how many bytes the memory of a thread was larger at the end than behind its first slice, at most. */
  readonly growth: number
}

/** One thread for each core but one, which has the rest of the proof to do. */
export async function fuzzInThreads(
  { seed, count }: { readonly seed: number; readonly count: number },
  progress: (inputs: number) => void,
): Promise<ThreadedFuzz> {
  const slices = Array.from({ length: Math.ceil(count / SLICE) }, (_, i) => ({
    seed: seed + i,
    count: Math.min(SLICE, count - i * SLICE),
  }))
  const threads = Math.min(Math.max(1, availableParallelism() - 1), slices.length)
  const total = { inputs: 0, sequences: 0, accepted: 0, rewritten: 0, codes: {} as Record<string, number> }
  const add = ({ codes, ...counts }: DecoderFuzz): void => {
    for (const [name, more] of Object.entries(counts)) total[name as keyof typeof counts] += more
    for (const [code, more] of Object.entries(codes)) total.codes[code] = (total.codes[code] ?? 0) + more
    progress(total.inputs)
  }
  const growths = await Promise.all(
    Array.from({ length: threads }, (_, thread) =>
      runThread(
        slices.filter((_slice, i) => i % threads === thread),
        add,
      ),
    ),
  )
  return { fuzz: total, growth: Math.max(...growths) }
}

/** Rejects with what the thread threw, which ends it. */
async function runThread(slices: readonly object[], add: (found: DecoderFuzz) => void): Promise<number> {
  const worker = new Worker(WORKER, { workerData: slices })
  const memory: number[] = []
  worker.on('message', (slice: Slice) => {
    memory.push(slice.memory)
    add(slice.found)
  })
  await once(worker, 'exit')
  if (memory.length < slices.length) throw new Error('a thread ended early')
  return (memory.at(-1) ?? 0) - (memory[0] ?? 0)
}
