/** One proof in a process of its own: whatever ends it, a verdict comes back, and with a failure what it was at. */
import { fork } from 'node:child_process'
import { join } from 'node:path'
import type { Progress, Proof, Verdict } from '../proof.ts'

const CHILD = join(import.meta.dirname, 'child.mjs')
/** Node's own: a module waits at its top for something that nothing can bring any more. It says no word about it. */
const UNSETTLED = 13

export type About = Pick<Proof, 'name' | 'claim' | 'command'>

/** What the child tells. */
interface Message {
  readonly about?: About
  readonly doing?: string
  readonly verdict?: Verdict
}

export interface RunOptions {
  readonly begun?: (about: About) => void
  readonly progress?: Progress
  /** Ends the proof, and what it has started. */
  readonly signal?: AbortSignal
}

/** @param path of a module that exports `proof` */
export function runProof(
  path: string,
  { begun, progress, signal }: RunOptions = {},
): Promise<{ readonly about: About | undefined; readonly verdict: Verdict }> {
  return new Promise((resolve) => {
    // No options of ours: a test runs sources, a proof what is built.
    const child = fork(CHILD, [path], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], execArgv: [] })
    const stop = (): void => void child.kill('SIGTERM')
    signal?.addEventListener('abort', stop, { once: true })
    let about: About | undefined
    let verdict: Verdict | undefined
    let doing = 'its start'
    child.on('message', (message: Message) => {
      if (message.about) begun?.((about = message.about))
      if (message.doing !== undefined) progress?.((doing = message.doing))
      verdict ??= message.verdict
    })
    const fail = (error: string): void => {
      const rows = [['error', error] as const, ['it was at', doing] as const]
      resolve({ about, verdict: { passed: false, rows } })
    }
    child.on('error', (error) => fail(`its process could not be started: ${error.message}`))
    // 'close' and not 'exit': what it has sent is read by then.
    child.on('close', (code, killed) => {
      signal?.removeEventListener('abort', stop)
      if (verdict && code === 0) resolve({ about, verdict })
      else fail(`its process ended ${ending(code, killed)} ${verdict ? 'behind its verdict' : 'without a verdict'}`)
    })
  })
}

/** For a person: how a process came to its end. */
export function ending(code: number | null, signal: NodeJS.Signals | null): string {
  if (signal !== null) return `by ${signal}${signal === 'SIGKILL' ? ' (the system does so when memory runs out)' : ''}`
  if (code === UNSETTLED) return `with ${code} (it waited for something that nothing could bring any more)`
  return `with ${code}`
}
