/** `halyard emitter keys` */
import { createReadStream } from 'node:fs'
import { UsageError } from '@halyard/core'
import type { EmitterKeyEntry } from '@halyard/hub'
import type { Context } from '../../context.ts'
import type { AdminFlags } from '../../hub/admin/flags.ts'
import { Listing } from '../../hub/admin/listing.ts'
import { openHubAdmin } from '../../hub/admin/open.ts'
import { readSecret } from '../../hub/admin/read-secret.ts'
import { unreadable } from '../../read-named-file.ts'
import { splitLines } from '../../send/split-lines.ts'
import { paint } from '../../text/paint.ts'
import { count } from '../../text/units.ts'
import { oneLine } from '../../text/width.ts'
import { wholeNumber } from '../../whole-number.ts'
import type { KeysAddFlags } from './flags.ts'

/** Of an id, in a list: of a million keys no two begin alike. */
const SHOWN = 12
/** bytes; more than a key and what an editor puts around it */
const MAX_LINE = 1024

export async function addKey(flags: KeysAddFlags, context: Context): Promise<number> {
  const { terminal } = context
  const { channel, type, master } = flags
  const ttl = wholeNumber('--ttl', flags.ttl)
  if (channel === undefined && master !== true) {
    throw new UsageError('ERR_USAGE', 'name the channel that the key is to open (--channel chat/#/), or --master')
  }
  await using admin = await openHubAdmin(flags, context)
  const wish = { channel: channel ?? '', ...(type !== undefined && { type }), ...(ttl !== undefined && { ttl }) }
  const { key, ...entry } = await admin.emitter.keys.add(master === true ? { master } : wish)
  // Alone on its line, so that a script can take it.
  terminal.print(flags.json === true ? JSON.stringify({ key, ...written(entry) }) : key)
  return 0
}

/** Line by line as they come: of a million none is kept. */
export async function listKeys(flags: AdminFlags, context: Context): Promise<number> {
  const { terminal } = context
  await using admin = await openHubAdmin(flags, context)
  const listing = new Listing(flags, terminal, row('ID', 'STATE', 'TYPE', 'ORIGIN', 'EXPIRES', 'CHANNEL'))
  for await (const entry of admin.emitter.keys.list()) {
    const { id, state, type, origin, expires } = entry
    const end = expires === undefined ? 'never' : expires.toISOString().slice(0, 16)
    const what = type === 'm' ? 'master' : type
    listing.add(written(entry), row(id.slice(0, SHOWN), state, what, origin, end, channelOf(entry)))
  }
  listing.end('key')
  return 0
}

/** Each line is told of by itself: of a hundred keys one may be mistyped. */
export async function importKeys(file: string | undefined, flags: AdminFlags, context: Context): Promise<number> {
  const { terminal } = context
  if (file === undefined && terminal.input.isTerminal) {
    throw new UsageError('ERR_USAGE', 'the keys come on standard input, one per line: pipe them in, or name a file')
  }
  await using admin = await openHubAdmin(flags, context)
  const input = file === undefined ? terminal.input.bytes() : fileBytes(file)
  const tally = { imported: 0, failed: 0 }
  for await (const { number, bytes } of splitLines(input, MAX_LINE)) {
    const key = Buffer.from(bytes).toString('utf8').trim()
    if (key === '' || key.startsWith('#')) continue
    try {
      const entry = await admin.emitter.keys.import(key)
      tally.imported++
      if (flags.json === true) terminal.print(JSON.stringify(written(entry)))
      else if (entry.state !== 'valid') terminal.error(`line ${number}: the key is ${entry.state}, and stays so`)
    } catch (error) {
      if (!(error instanceof UsageError) || error.code !== 'ERR_HUB_EMITTER_KEY') throw error
      tally.failed++
      terminal.error(`line ${number}: ${error.message} (${error.code})`)
    }
  }
  if (flags.json !== true) terminal.print(`${count(tally.imported, 'key')} imported`)
  return tally.failed === 0 ? 0 : 1
}

export async function describeKey(key: string, flags: AdminFlags, context: Context): Promise<number> {
  const { terminal } = context
  const given = key === '-' ? await readSecret(terminal.input, 'describe key') : key
  await using admin = await openHubAdmin(flags, context)
  const entry = await admin.emitter.keys.describe(given)
  if (flags.json === true) {
    terminal.print(JSON.stringify(written(entry)))
    return 0
  }
  const { id, state, type, origin, expires, createdAt, parent } = entry
  const lines = [
    ['id', id],
    ['state', state === 'unknown' ? 'unknown: this hub has not made it, and it was not imported' : state],
    ['may', type === 'm' ? 'make keys: a master key' : words(type)],
    ['channel', channelOf(entry)],
    ['expires', expires?.toISOString() ?? 'never'],
    ...(origin === 'unknown' ? [] : [['origin', origin]]),
    ...(parent === undefined ? [] : [['parent', parent]]),
    ...(createdAt === undefined ? [] : [['known', `since ${createdAt.toISOString()}`]]),
  ]
  for (const [name = '', value = ''] of lines) terminal.print(`${name.padEnd(8)} ${value}`)
  return 0
}

export async function revokeKeys(given: readonly string[], flags: AdminFlags, context: Context): Promise<number> {
  const { terminal } = context
  const texts = await Promise.all(
    given.map((key) => (key === '-' ? readSecret(terminal.input, 'revoke key') : Promise.resolve(key))),
  )
  await using admin = await openHubAdmin(flags, context)
  const { keys } = admin.emitter
  // All that are named, or none if one of them is not there.
  const ids = new Set<string>()
  for (const text of texts) {
    const { id, state } = await keys.describe(text)
    ids.add(state === 'unknown' ? text : id)
  }
  const { dim } = paint(terminal.colour.output)
  for (const id of ids) {
    const revoked = await keys.revoke(id)
    const note = revoked.sample ? dim(' (the sample: from accounts.json too)') : ''
    if (flags.json === true) terminal.print(JSON.stringify(written(revoked)))
    else terminal.print(`key ${revoked.id.slice(0, SHOWN)} of ${channelOf(revoked)} revoked${note}`)
  }
  return 0
}

const WORDS: Readonly<Record<string, string>> = {
  r: 'read',
  w: 'write',
  s: 'store',
  l: 'load',
  p: 'presence',
  e: 'extend',
  x: 'execute',
}

function words(type: string): string {
  const named = Array.from(type, (letter) => WORDS[letter] ?? letter)
  return named.length === 0 ? 'nothing' : `${named.join(', ')} (${type})`
}

function channelOf({ channel, type }: EmitterKeyEntry): string {
  if (channel !== '') return oneLine(channel)
  return type === 'm' ? '-' : 'not known: it cannot be read out of a key'
}

function row(id: string, state: string, type: string, origin: string, expires: string, channel: string): string {
  return [id.padEnd(SHOWN), state.padEnd(7), type.padEnd(7), origin.padEnd(8), expires.padEnd(16), channel].join('  ')
}

function written({ expires, createdAt, ...entry }: EmitterKeyEntry): object {
  return {
    ...entry,
    ...(expires && { expires: expires.toISOString() }),
    ...(createdAt && { created_at: createdAt.toISOString() }),
  }
}

async function* fileBytes(path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(path) as AsyncIterable<Uint8Array>
  } catch (error) {
    throw unreadable(path, error)
  }
}
