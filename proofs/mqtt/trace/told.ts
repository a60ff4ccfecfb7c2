/** What a traced server said on its sockets, packet by packet, and when it began to say it. */
import { PacketReader } from '@halyard/wire/mqtt'
import type { Packet } from '@halyard/wire/mqtt'
import { bytesOf, nameOf } from '../../power-cut/strace.ts'
import type { Trace } from '../../power-cut/strace.ts'

/** 4 or 5 by the length of CONNACK, which is 2 before 5.0. */
const CONNACK = 0x20

export interface Told {
  readonly packet: Packet
  /** Entrance of the call that brought its last byte: from then on somebody may have read it. */
  readonly begin: number
  /** One connection. */
  readonly socket: string
}

const CALLS = new Set(['write', 'writev', 'sendto', 'sendmsg'])

export function toldBy(trace: Trace): Told[] {
  const told: Told[] = []
  const connections = new Map<string, (bytes: Buffer, begin: number) => void>()
  for (const { name, args, begin, end, result } of trace.calls) {
    if (!CALLS.has(name)) continue
    const socket = nameOf(args[0])
    if (!socket.startsWith('socket:')) continue
    // What a call that never came back has sent nobody knows: all of it may have been.
    const bytes = bytesOf(args[1]).subarray(0, end === Infinity ? undefined : Math.max(result, 0))
    if (bytes.length === 0) continue
    const take = connections.get(socket) ?? connectionOf(socket, bytes, told)
    connections.set(socket, take)
    take(bytes, begin)
  }
  return told
}

function connectionOf(socket: string, first: Buffer, told: Told[]): (bytes: Buffer, begin: number) => void {
  // Standard output is a socket too.
  if (first[0] !== CONNACK) return () => {}
  let now = 0
  const add = (packet: Packet): void => void told.push({ packet, begin: now, socket })
  const reader = new PacketReader(
    { publish: (packet) => add(packet.toPacket()), packet: add },
    { receiver: 'client', version: first[1] === 2 ? 4 : 5, maxPacketBytes: 2 ** 24 },
  )
  return (bytes, begin) => {
    now = begin
    reader.push(bytes)
  }
}
