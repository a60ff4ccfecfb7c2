// `make testAll`: the longer rounds, which need root and Debian's tools. A tool that cannot be had fails, it never skips.
import { spawnSync } from 'node:child_process'
import { install, upToDate } from './lib/install.mjs'
import { execute, runSteps } from './lib/steps.mjs'
import { runTests } from './lib/tests.mjs'

/** Debian package → a command that succeeds where it is installed. Debian's own Python, since it has Debian's packages. */
const TOOLS = {
  strace: 'command -v strace',
  socat: 'command -v socat',
  python3: 'command -v python3',
  openssl: 'command -v openssl',
  mosquitto: 'command -v /usr/sbin/mosquitto',
  'mosquitto-clients': 'command -v mosquitto_sub && command -v mosquitto_pub && command -v mosquitto_rr',
  'nats-server': 'command -v nats-server',
  'python3-paho-mqtt': '/usr/bin/python3 -c "import paho.mqtt.client"',
  chromium: 'command -v chromium',
}

await runSteps([
  { title: 'install', commands: [install], skip: upToDate },
  { title: 'tools', commands: [installTools] },
  { title: 'clients', commands: [[...install, '--prefix', 'interop']] },
  { title: 'Node-RED', commands: [[...install, '--prefix', 'interop/node-red']] },
  { title: 'build', commands: [['npm', 'run', '--silent', 'build']] },
  { title: 'long tests', commands: [() => runTests('tests-all', '--project=all')] },
])

async function installTools() {
  const missing = () => Object.keys(TOOLS).filter((name) => !succeeds(TOOLS[name]))
  const names = missing()
  if (names.length > 0) {
    if (process.getuid?.() !== 0) throw new Error(`${names.join(', ')} missing, and only root can install packages`)
    if (!has('apt-get')) throw new Error(`${names.join(', ')} missing, and there is no apt-get to install them with`)
    process.env['DEBIAN_FRONTEND'] = 'noninteractive'
    const steps = [
      ['apt-get', 'update', '-qq'],
      ['apt-get', 'install', '-y', '-qq', '-o', 'Dpkg::Use-Pty=0', '--no-install-recommends', ...names],
    ]
    for (const step of steps) if ((await execute(step)) !== 0) throw new Error(`${step.join(' ')} failed`)
  }
  const left = missing()
  if (left.length > 0) throw new Error(`${left.join(', ')} still missing`)
  console.log(Object.keys(TOOLS).join(', '))
}

function succeeds(command) {
  return spawnSync('sh', ['-c', command]).status === 0
}
