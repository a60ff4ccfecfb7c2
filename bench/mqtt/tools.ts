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

const PARTS = ['idle', 'link', 'packets', 'process', 'sessions']
const SOURCES = ['mqtt-load.c', ...PARTS.map((name) => `mqtt/load/${name}.c`)]

export interface LoadGenerator {
  readonly path: string
  /** False: the headers of OpenSSL are missing (Debian's libssl-dev). */
  readonly speaksTls: boolean
}

/** Builds the load generator. */
export function buildLoad(): LoadGenerator {
  const path = join(workspace('mqtt-load'), 'mqtt-load')
  const speaksTls = existsSync('/usr/include/openssl/ssl.h')
  const tls = speaksTls ? ['-DWITH_TLS', '-lssl', '-lcrypto'] : []
  compile(['-std=gnu11', '-o', path, ...SOURCES, ...tls])
  return { path, speaksTls }
}

/** Environment variables that make every sync of a process take so many milliseconds more. */
export function slowSync(milliseconds: number): Readonly<Record<string, string>> {
  const path = join(workspace('slow-sync'), 'slow-sync.so')
  compile(['-shared', '-fPIC', '-o', path, 'mqtt/slow-sync.c', '-ldl'])
  return { LD_PRELOAD: path, SYNC_EXTRA_MS: String(milliseconds) }
}

function compile(words: readonly string[]): void {
  const compiler = ['cc', 'gcc', 'clang'].find((name) => spawnSync(name, ['--version']).error === undefined)
  if (compiler === undefined)
    throw new Error('no C compiler (cc, gcc, clang) for the load generator: apt-get install gcc')
  const { status } = spawnSync(compiler, ['-O2', '-Wall', '-Wextra', ...words], {
    cwd: join(import.meta.dirname, '..'),
    stdio: 'inherit',
  })
  if (status !== 0) throw new Error(`${words.join(' ')} cannot be built: see above`)
}
