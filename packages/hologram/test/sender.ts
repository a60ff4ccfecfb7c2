import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import type { Clock } from '@halyard/core'
import { CustomCloud } from '@halyard/hologram'
import type { CloudOptions, CloudPorts, Endpoints, ReceivedMessage } from '@halyard/hologram'
import type { Lines } from './peer.ts'
import { recordingLogger } from './peer.ts'

/** Connects to a cloud's inbound socket as the cloud or a hub would. */
export async function connectTo(port: number, host = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port, host, allowHalfOpen: true })
  await once(socket, 'connect')
  socket.on('error', () => {})
  return socket
}

/** One message: what one connection carries until its end. Resolves when the cloud has closed as well, with what it wrote. */
export async function push(port: number, bytes: string | Uint8Array): Promise<string> {
  const socket = await connectTo(port)
  let answer = ''
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString()))
  socket.end(bytes)
  await once(socket, 'close')
  return answer
}

export interface Receiver extends AsyncDisposable {
  readonly cloud: CustomCloud
  readonly heard: ReceivedMessage[]
  readonly logger: Lines
  readonly port: number
  readonly push: (bytes: string | Uint8Array) => Promise<string>
}

/** A cloud that listens on a free port of the loopback. */
export async function openReceiver(
  ports: CloudPorts & { clock?: Clock } = {},
  options: CloudOptions & Endpoints = {},
): Promise<Receiver> {
  const logger = recordingLogger()
  const cloud = new CustomCloud(null, { receiveHost: '127.0.0.1', receivePort: 0, logger, ...options }, ports)
  const heard: ReceivedMessage[] = []
  cloud.event.subscribe('message.received', (message) => heard.push(message))
  await cloud.openReceiveSocket()
  return {
    cloud,
    heard,
    logger,
    port: cloud.receivePort,
    push: (bytes) => push(cloud.receivePort, bytes),
    [Symbol.asyncDispose]: () => cloud.close(),
  }
}
