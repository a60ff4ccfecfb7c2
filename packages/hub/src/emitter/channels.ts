/**
 * Channels in the engine's index and in the history, which know MQTT's filters. docs/protocols/emitter.md §5.2
 *
 * ```
 *                 emitter      mqtt
 * a/b/         →  a/b/#        a/b         a channel: a/b
 * a/+/         →  a/+/#        a/+
 * a/#/         →  a/#          a/+/#       MQTT's a/# has a in it
 * #/           →  #            #
 * ```
 */
import type { Matcher } from '@halyard/wire/emitter'

/**
 * MQTT's wildcards pass by what begins with `$`, Emitter's do not: such a channel gets another first character, which none
 * of Emitter's has.
 */
export function channelInIndex(channel: string): string {
  const plain = channel.slice(0, -1)
  return plain.startsWith('$') ? `%${plain.slice(1)}` : plain
}

/** Whatever {@link parseChannel} takes. */
export function filterInIndex(matcher: Matcher, channel: string): string {
  return filterOf(matcher, channel, NOBODY)
}

/** As above; a `#` that is not the last one stands for any one segment there. */
export function filterInHistory(matcher: Matcher, channel: string): string {
  return filterOf(matcher, channel, '+')
}

/** What a request for presence asks about: a channel, or a filter as if it were one. */
export function questionInIndex(matcher: Matcher, channel: string): string {
  const asked = matcher === 'emitter' && isOpen(channel) ? channel.slice(0, -OPEN.length) : channel
  return channelInIndex(asked).replaceAll(HASH, NOBODY)
}

export function isOpen(channel: string): boolean {
  return channel === OPEN || channel.endsWith(`/${OPEN}`)
}

const OPEN = '#/'
/** No channel has it: `a/#/b/` is taken, as by the original, and gets nothing. */
const NOBODY = '&'
const HASH = /(?<=^|[/])#(?=[/]|$)/g

function filterOf(matcher: Matcher, channel: string, middle: string): string {
  const open = isOpen(channel)
  const plain = channelInIndex(open ? channel.slice(0, -OPEN.length) : channel).replaceAll(HASH, middle)
  if (plain === '') return '#'
  if (matcher === 'emitter') return `${plain}/#`
  return open ? `${plain}/+/#` : plain
}
