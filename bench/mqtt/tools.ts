/** What the system must have: Mosquitto, from Debian's package, and a C compiler for the load. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { workspace } from '../workspace.ts'

/** Debian puts servers where an ordinary user's PATH does not look. */
const PLACES = ['mosquitto', '/usr/sbin/mosquitto']

/** The program; installed from Debian's package if it is missing and this is root. */
export function mosquitto(): string {
  return found() ?? installed()
}

function found(): string | undefined {
  return PLACES.find((path) => spawnSync(path, ['-h']).error === undefined)
}

function installed(): string {
  if (process.getuid?.() !== 0) throw new Error('mosquitto is missing, and only root can install packages')
  console.log('installing mosquitto …')
  for (const words of [
    ['update', '-qq'],
    ['install', '-y', '-qq', '--no-install-recommends', 'mosquitto'],
  ]) {
    const { status } = spawnSync('apt-get', words, {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    })
    if (status !== 0) throw new Error(`apt-get ${words.join(' ')} failed`)
  }
  const path = found()
  if (path === undefined) throw new Error('mosquitto is still missing')
  return path
}

/** `2.0.11` */
export function mosquittoVersion(): string {
  const { stdout } = spawnSync(mosquitto(), ['-h'], { encoding: 'utf8' })
  return /version (\S+)/.exec(stdout)?.[1] ?? 'unknown'
}

const SOURCES = ['mqtt-load.c', 'mqtt/load/link.c', 'mqtt/load/packets.c', 'mqtt/load/process.c']

export interface LoadGenerator {
  readonly path: string
  /** False: the headers of OpenSSL are missing (Debian's libssl-dev). */
  readonly speaksTls: boolean
}

/** Builds the load generator. */
export function buildLoad(): LoadGenerator {
  const compiler = ['cc', 'gcc', 'clang'].find((name) => spawnSync(name, ['--version']).error === undefined)
  if (compiler === undefined)
    throw new Error('no C compiler (cc, gcc, clang) for the load generator: apt-get install gcc')
  const path = join(workspace('mqtt-load'), 'mqtt-load')
  const speaksTls = existsSync('/usr/include/openssl/ssl.h')
  const tls = speaksTls ? ['-DWITH_TLS', '-lssl', '-lcrypto'] : []
  const words = ['-O2', '-std=gnu11', '-Wall', '-Wextra', '-o', path, ...SOURCES, ...tls]
  const { status } = spawnSync(compiler, words, { cwd: join(import.meta.dirname, '..'), stdio: 'inherit' })
  if (status !== 0) throw new Error('the load generator cannot be built: see above')
  return { path, speaksTls }
}
