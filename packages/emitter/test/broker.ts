/** A broker that works: the hub in this process, or the one that `HALYARD_EMITTER_BROKER=host:port:master-key` names. */
import { createHub } from '@halyard/hub'

export interface Broker extends AsyncDisposable {
  readonly host: string
  readonly port: number
  readonly master: string
}

/** `undefined` while the hub does not speak Emitter and no other broker is named. */
export async function openBroker(): Promise<Broker | undefined> {
  const [host, port, master] = (process.env['HALYARD_EMITTER_BROKER'] ?? '').split(':')
  if (host && port && master) return { host, port: Number(port), master, [Symbol.asyncDispose]: async () => {} }
  const hub = await createHub({ data: ':memory:', ports: 'ephemeral' })
  const account = hub.accounts.emitter
  const close = (): Promise<void> => hub.close()
  if (account === undefined) {
    await close()
    return undefined
  }
  return { host: '127.0.0.1', port: hub.ports.front, master: account.master_key, [Symbol.asyncDispose]: close }
}
