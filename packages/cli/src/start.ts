/** The one place where the command line is put together. What a command does not need is not loaded. */
import { describeFailure, exitCodeOf } from './failure.ts'
import { buildProgram, buildScript } from './program.ts'
import type { Script } from './program.ts'
import { nodeTerminal } from './node-terminal.ts'
import { paint } from './text/paint.ts'

/** Runs the command that the arguments of this process name, and leaves its exit code behind. */
export async function start(name: 'halyard' | Script): Promise<void> {
  const terminal = nodeTerminal(process)
  const context = {
    terminal,
    load: {
      hologram: () => import('@halyard/hologram'),
      hub: () => import('@halyard/hub'),
      mqtt: () => import('@halyard/mqtt'),
      testkit: () => import('@halyard/testkit'),
    },
    finish: (code: number) => {
      process.exitCode = code
    },
  }
  try {
    const program = name === 'halyard' ? buildProgram(context) : buildScript(name, context)
    await program.parseAsync(process.argv)
  } catch (error) {
    const text = describeFailure(error, terminal.environment)
    if (text !== '') terminal.error(`${paint(terminal.colour.error).red('halyard:')} ${text}`)
    process.exitCode = exitCodeOf(error)
  }
}
