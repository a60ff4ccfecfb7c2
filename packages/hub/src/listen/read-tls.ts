import { readFile } from 'node:fs/promises'
import { UsageError, describeError } from '@halyard/core'
import type { HubConfig } from '../config.ts'
import type { FrontDoorOptions } from './front-door.ts'

/** The certificate that the hub shows, its key, and whom it vouches for. @throws {UsageError} `ERR_HUB_TLS` */
export async function readTls(tls: HubConfig['tls']): Promise<FrontDoorOptions['tls']> {
  if (!tls) return undefined
  try {
    return {
      cert: await readFile(tls.cert, 'utf8'),
      key: await readFile(tls.key, 'utf8'),
      ...(tls.ca !== undefined && { ca: await readFile(tls.ca, 'utf8') }),
    }
  } catch (cause) {
    throw new UsageError('ERR_HUB_TLS', `tls.cert, tls.key or tls.ca cannot be read: ${describeError(cause)}`, {
      cause,
    })
  }
}
