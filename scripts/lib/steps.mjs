// A list of steps, run one after the other until one fails, with a heading and a duration for each.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { styleText } from 'node:util'

export const root = join(import.meta.dirname, '../..')

const colours = process.stdout.isTTY === true && !process.env['NO_COLOR']
const paint = (colour, text) => (colours ? styleText(colour, text) : text)

/** The workspace's own tools come first in the path, as in npm's scripts; some paint in every CI unless told not to. */
const environment = {
  ...process.env,
  ...(colours ? {} : { NO_COLOR: '1', FORCE_COLOR: '0' }),
  PATH: `${join(root, 'node_modules/.bin')}:${process.env['PATH']}`,
  npm_config_update_notifier: 'false',
}

/**
 * @typedef {{ title: string, commands: (string[] | (() => Promise<Count | void>))[], skip?: () => string | undefined }} Step
 * @typedef {{ passed: number, failed: number }} Count
 */

/**
 * Runs the steps, stops at the first that fails, prints the summary and sets the exit code. A step counts as one check;
 * one that runs tests counts each of them.
 * @param {Step[]} steps
 */
export async function runSteps(steps) {
  const begun = performance.now()
  const total = { passed: 0, failed: 0 }
  const lines = []
  for (const step of steps) {
    const { count, line } = await runStep(step)
    lines.push(line)
    total.passed += count.passed
    total.failed += count.failed
    if (count.failed > 0) break
  }
  console.log(`\n${lines.join('\n')}`)
  if (total.failed > 0) {
    console.log(paint('red', `\nfailed: ${steps[lines.length - 1].title}`))
    const left = steps.slice(lines.length).map(({ title }) => title)
    if (left.length > 0) console.log(`not run: ${left.join(', ')}`)
    process.exitCode = 1
  }
  console.log(`\n${seconds(begun)} in all`)
  console.log(`${total.passed} passed, ${total.failed} failed`)
}

async function runStep({ title, commands, skip }) {
  const reason = skip?.()
  if (reason !== undefined) return { count: { passed: 0, failed: 0 }, line: `  –  ${title}: ${reason}` }
  console.log(`\n${paint('bold', `── ${title}`)}`)
  const begun = performance.now()
  const count = { passed: 0, failed: 0 }
  for (const command of commands) {
    const { passed, failed } = await outcome(command)
    count.passed += passed
    count.failed += failed
    if (failed > 0) break
  }
  const mark = count.failed === 0 ? paint('green', 'ok  ') : paint('red', 'FAIL')
  const amount =
    count.passed + count.failed > commands.length ? `${count.passed} of ${count.passed + count.failed}` : ''
  return { count, line: `${mark} ${title.padEnd(12)} ${seconds(begun).padStart(7)}  ${amount}`.trimEnd() }
}

async function outcome(command) {
  try {
    if (typeof command === 'function') return (await command()) ?? { passed: 1, failed: 0 }
    const status = await execute(command)
    if (status !== 0) console.log(paint('red', `${command.join(' ')}: ended with ${status}`))
    return status === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 }
  } catch (error) {
    console.log(paint('red', error instanceof Error ? error.message : String(error)))
    return { passed: 0, failed: 1 }
  }
}

/**
 * Runs a command with our output and no input; resolves with its exit code or the signal that ended it.
 * @param {string[]} command
 * @returns {Promise<number | string>}
 */
export function execute([name, ...args]) {
  return new Promise((resolve, reject) => {
    const child = spawn(name, args, { cwd: root, env: environment, stdio: ['ignore', 'inherit', 'inherit'] })
    child.on('error', (error) => reject(new Error(`${name} cannot be started: ${error.message}`, { cause: error })))
    child.on('close', (code, signal) => resolve(code ?? signal ?? 1))
  })
}

function seconds(since) {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`
}
