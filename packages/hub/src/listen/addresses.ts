import type { Peer } from '../domain/devices.ts'

/**
 * Whose connection it is, for limits: the IPv4 address, or the /64 of an IPv6 address, since one host has all of it.
 * `undefined` is what a socket gives that is gone already.
 */
export function addressKey(address: string | undefined): string {
  if (address === undefined) return ''
  const host = plainAddress(address)
  if (!host.includes(':')) return host
  const plain = host.split('%')[0] ?? ''
  const [head = '', tail] = plain.split('::')
  const groups = head === '' ? [] : head.split(':')
  // With `::` the zeros in between count towards the first four groups.
  const missing = tail === undefined ? 0 : 8 - groups.length - (tail === '' ? 0 : tail.split(':').length)
  const all = [...groups, ...Array.from({ length: missing }, () => '0'), ...(tail ? tail.split(':') : [])]
  return `${all.slice(0, 4).join(':')}::/64`
}

/** As it can be connected to: an IPv4 address in IPv6 clothes without them. */
function plainAddress(address: string): string {
  const mapped = address.startsWith('::ffff:') && address.includes('.')
  return mapped ? address.slice('::ffff:'.length) : address
}

export function peerOf(address: string | undefined): Peer {
  return { address: addressKey(address), host: plainAddress(address ?? '') }
}
