import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildProgram } from '../src/program.ts'
import { describeFailure, exitCodeOf } from '../src/failure.ts'
import { FakeTerminal } from './fake-terminal.ts'

export interface Ran {
  readonly code: number
  readonly out: string[]
  readonly errors: string[]
}

/** Runs a command line in this process, as `start` does in its own. */
export async function halyard(words: readonly string[], terminal: FakeTerminal = new FakeTerminal()): Promise<Ran> {
  let code = 0
  const context = {
    terminal,
    load: {
      hologram: () => import('@halyard/hologram'),
      hub: () => import('@halyard/hub'),
      mqtt: () => import('@halyard/mqtt'),
      testkit: () => import('@halyard/testkit'),
    },
    finish: (exitCode: number) => {
      code = exitCode
    },
  }
  try {
    await buildProgram(context).parseAsync(words, { from: 'user' })
  } catch (error) {
    const text = describeFailure(error)
    if (text !== '') terminal.error(`halyard: ${text}`)
    code = exitCodeOf(error)
  }
  return { code, out: terminal.printed, errors: terminal.errors }
}

/** A directory of one's own, gone when it is disposed. */
export async function temporaryDirectory(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'halyard-cli-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** A port on which nobody listens. */
export async function closedPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
