/** What the grammars of all commands have in common. */
import type { Command } from 'commander'
import type { Context } from './context.ts'
import { paint } from './text/paint.ts'

/** What a grammar stands on. */
export interface ProgramContext extends Context {
  /** The exit code with which the process is to end. */
  readonly finish: (code: number) => void
}

/** What all commands have in common; subcommands inherit it. */
export function configure(program: Command, { terminal }: ProgramContext): Command {
  const help = paint(terminal.colour.output)
  const options = {
    writeOut: (text: string) => terminal.print(text.replace(/\n$/, '')),
    writeErr: (text: string) => terminal.error(text.replace(/\n$/, '')),
    getOutHasColors: () => terminal.colour.output,
    getErrHasColors: () => terminal.colour.error,
    getOutHelpWidth: () => (terminal.screen.isTerminal ? Math.min(terminal.screen.columns, 120) : 100),
  }
  return program
    .exitOverride()
    .configureOutput(options)
    .configureHelp({ styleTitle: help.bold, styleCommandText: help.cyan })
}

/** As it is called: `halyard send`, `hologram-send`. */
export function nameOf(command: Command): string {
  return command.parent === null ? command.name() : `${command.parent.name()} ${command.name()}`
}

/** Each command names its own help. */
export function tellErrors(command: Command, context: ProgramContext, name: string = command.name()): Command {
  const { terminal } = context
  const { red } = paint(terminal.colour.error)
  command.configureOutput({
    outputError: (text: string) => terminal.error(`${red('halyard:')} ${complaint(text, name)}`),
  })
  for (const sub of command.commands) tellErrors(sub, context, `${name} ${sub.name()}`)
  return command
}

/** commander's two lines as one that says what to do. */
function complaint(text: string, name: string): string {
  const line = text
    .trim()
    .replace(/^error: /, '')
    .replaceAll(/\s*\n\s*/g, ' ')
  return `${line.replace(/[.]$/, '')}; ${name} --help shows what there is`
}

/** For the end of a help text. */
export function examples(lines: readonly (readonly [command: string, remark: string])[]): string {
  const width = Math.max(...lines.filter(([, remark]) => remark !== '').map(([command]) => command.length), 0)
  const shown = lines.map(
    ([command, remark]) => `  ${remark === '' ? command : `${command.padEnd(width)}  # ${remark}`}`,
  )
  return `\nExamples:\n${shown.join('\n')}\n`
}
