// `make testAll`: the longer rounds, which need root and Debian's tools. A tool that cannot be had fails, it never skips.
import { spawnSync } from 'node:child_process'
import { install, upToDate } from './lib/install.mjs'
import { execute, runSteps } from './lib/steps.mjs'
import { runTests } from './lib/tests.mjs'

/** command → Debian package */
const TOOLS = { strace: 'strace', socat: 'socat', python3: 'python3' }

await runSteps([
  { title: 'install', commands: [install], skip: upToDate },
  { title: 'tools', commands: [installTools] },
  { title: 'build', commands: [['npm', 'run', '--silent', 'build']] },
  { title: 'long tests', commands: [() => runTests('tests-all', '--project=all')] },
])

async function installTools() {
  const missing = Object.entries(TOOLS).filter(([command]) => !has(command))
  if (missing.length > 0) {
    const names = missing.map(([, name]) => name)
    if (process.getuid?.() !== 0) throw new Error(`${names.join(', ')} missing, and only root can install packages`)
    if (!has('apt-get')) throw new Error(`${names.join(', ')} missing, and there is no apt-get to install them with`)
    process.env['DEBIAN_FRONTEND'] = 'noninteractive'
    const steps = [
      ['apt-get', 'update', '-qq'],
      ['apt-get', 'install', '-y', '-qq', '-o', 'Dpkg::Use-Pty=0', '--no-install-recommends', ...names],
    ]
    for (const step of steps) if ((await execute(step)) !== 0) throw new Error(`${step.join(' ')} failed`)
  }
  for (const command of Object.keys(TOOLS)) if (!has(command)) throw new Error(`${command} is still missing`)
  console.log(Object.keys(TOOLS).join(', '))
}

function has(command) {
  return spawnSync('sh', ['-c', `command -v ${command}`]).status === 0
}
