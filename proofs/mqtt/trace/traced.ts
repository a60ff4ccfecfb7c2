import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { straceCommand } from '../../power-cut/strace.ts'
import type { Server } from '../servers.ts'

/** Starts a server under strace, lets a task use it, stops it if the task did not kill it; gives the trace. */
export async function traced(server: Server, task: () => Promise<void>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'halyard-trace-'))
  try {
    const output = join(directory, 'trace')
    await server.start({ tracer: straceCommand(output) })
    await task()
    await server.stop()
    return await readFile(output, 'latin1')
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    throw missing ? new Error('there is no strace; install it: apt-get install strace', { cause: error }) : error
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
