import { HologramCloud } from '@halyard/hologram'
import { CREDENTIALS, openPeer } from './peer.ts'
import type { Peer, Script } from './peer.ts'

/** A sending client of the peer on this port. */
export const cloudAt = (port: number, options: object = {}): HologramCloud =>
  new HologramCloud(CREDENTIALS, { sendHost: '127.0.0.1', sendPort: port, enableInbound: false, ...options })

export async function withPeer<T>(script: Script, run: (cloud: HologramCloud, peer: Peer) => Promise<T>): Promise<T> {
  await using peer = await openPeer(script)
  await using cloud = cloudAt(peer.port)
  return await run(cloud, peer)
}
