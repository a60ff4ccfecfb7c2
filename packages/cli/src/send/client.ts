/** The client that a command needs, and how it is called. */
import { UsageError } from '@halyard/core'
import type { Logger, SendControl } from '@halyard/core'
import type { CustomCloud, SendResult } from '@halyard/hologram'
import type { Context } from '../context.ts'
import type { Kind } from './kind.ts'
import type { Target } from './settings.ts'

export type Message = string | Uint8Array

export interface Client {
  readonly cloud: CustomCloud
  readonly send: (message: Message, control?: SendControl) => Promise<SendResult>
}

export async function openClient(
  { credentials, host, port, timeout, outbox }: Target,
  kind: Kind,
  logger: Logger,
  { load }: Context,
): Promise<Client> {
  const { CustomCloud, HologramCloud } = await load.hologram()
  const options = {
    logger,
    ...(host !== undefined && { sendHost: host }),
    ...(port !== undefined && { sendPort: port }),
    ...(outbox !== undefined && { outbox: { path: outbox } }),
    enableInbound: false,
  }
  const waiting = timeout === undefined ? {} : { timeout }
  if (credentials !== undefined && kind.name === 'SMS') {
    const cloud = new HologramCloud(credentials, options)
    const { destination } = kind
    return {
      cloud,
      send: async (message, control) => cloud.sendSMS(destination, textOf(message), { ...waiting, ...control }),
    }
  }
  const topics = kind.name === 'message' && kind.topics !== undefined ? { topics: [...kind.topics] } : {}
  const cloud = credentials === undefined ? new CustomCloud(null, options) : new HologramCloud(credentials, options)
  return { cloud, send: (message, control) => cloud.sendMessage(message, { ...topics, ...waiting, ...control }) }
}

/** @throws {UsageError} `ERR_HOLOGRAM_MESSAGE` */
function textOf(message: Message): string {
  if (typeof message === 'string') return message
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(message)
  } catch {
    throw new UsageError('ERR_HOLOGRAM_MESSAGE', 'an SMS is text: what standard input holds is not UTF-8')
  }
}
