/** The one place where the administration of a data directory is put together. docs/guide/hub.md */
import { StorageError, UsageError, loggerFor } from '@halyard/core'
import type { Clock, Logger } from '@halyard/core'
import { nodeClock, nodeDisk } from '@halyard/core/node'
import type { Disk } from '@halyard/core/node'
import type { HubAdmin } from './admin/api.ts'
import { clientOfRunningHub } from './admin/hub-client.ts'
import { localAdministration } from './admin/local-administration.ts'
import { remoteAdministration } from './admin/remote-administration.ts'
import { Removal } from './admin/removal.ts'
import type { HubConfig } from './config.ts'
import { HologramAccounts } from './domain/accounts.ts'
import { ApiTokens } from './domain/api-tokens.ts'
import { MqttAccounts } from './domain/mqtt-accounts.ts'
import { AccountBook } from './mqtt-account-book.ts'
import { openKeyBook } from './open-emitter.ts'
import { MEMORY, resolveOptions } from './options.ts'
import type { CheckedOptions } from './options.ts'
import { ScryptPasswords } from './passwords.ts'
import { SampleFile } from './sample-file.ts'
import { KeyHasher, TOKEN_MINT, randomWord } from './secrets.ts'
import { closeStore, findHub, openDiskStore } from './store/open-store.ts'

/** As for `createHub()`. */
export interface AdminOptions {
  /** The hub's data directory; `./halyard-data` */
  data?: string
  /** The hub's configuration file, for the directory and the licence that it names. */
  config?: string
  /** For the keys of a hub that is stopped, as `createHub()` gets it; the file's, else the hub's own. */
  emitterLicense?: string
  logger?: Logger
}

/**
 * Accounts and tokens of a hub, for the owner of its data directory. If the hub is stopped its directory is locked and
 * changed; if it runs it is asked, by its HTTP API and with the token of this start that it leaves in the directory. What
 * was changed lasts when a promise resolves, and holds for a running hub from then on. No hub is made.
 *
 * @example
 * ```ts
 * import { mkdtemp } from 'node:fs/promises'
 * import { tmpdir } from 'node:os'
 * import { createHub, openAdmin } from '@halyard/hub'
 *
 * const data = await mkdtemp(`${tmpdir()}/hub-`)
 * await (await createHub({ data, ports: 'ephemeral' })).close()
 *
 * await using admin = await openAdmin({ data })
 * const { cloud_id, cloud_key } = await admin.hologram.accounts.add({ cloudId: 'pump' })
 * console.log(admin.via, cloud_id, cloud_key.length) // directory pump 4
 * ```
 *
 * @throws {UsageError} `ERR_USAGE`, `ERR_CONFIG_FILE`, `ERR_HUB_CONFIG`
 * @throws {StorageError} `ERR_HUB_NO_DATA`: there is no hub in the directory; `ERR_HUB_FILE`, `ERR_STORE_…`, `ERR_HUB_…` as
 * `createHub()`
 * @throws {ConnectionError} `ERR_HUB_ADMIN`: a running hub cannot be asked; later calls may throw it too
 */
export function openAdmin(options: AdminOptions = {}): Promise<HubAdmin> {
  return openAdminOn(options, { disk: nodeDisk(), clock: nodeClock() })
}

interface AdminPorts {
  readonly disk: Disk
  readonly clock: Clock
}

async function openAdminOn(options: AdminOptions, ports: AdminPorts): Promise<HubAdmin> {
  const { data, config, emitterLicense, logger, ...others } = options
  const stranger = Object.keys(others)[0]
  if (stranger !== undefined) {
    throw new UsageError(
      'ERR_USAGE',
      `openAdmin() has no option '${stranger}'; it has data, config, emitterLicense, logger`,
    )
  }
  const resolved = await resolveOptions({
    ...{ data, config },
    ...(emitterLicense !== undefined && { emitterLicense }),
  })
  const directory = resolved.checked.data
  if (directory === MEMORY) {
    throw new UsageError(
      'ERR_USAGE',
      'a hub in memory has no directory to be changed; use the HTTP API of the one that runs',
    )
  }
  // A directory that is mistyped must not become a hub.
  await findHub(ports.disk, directory)
  const log = loggerFor('Hub', logger)
  try {
    return await adminOfDirectory(resolved, { ...ports, logger: log })
  } catch (error) {
    if (!(error instanceof StorageError) || error.code !== 'ERR_STORE_LOCKED') throw error
    return await adminOfRunningHub(directory, ports.disk, error)
  }
}

async function adminOfDirectory(
  { checked, config }: { readonly checked: CheckedOptions; readonly config: HubConfig },
  ports: AdminPorts & { readonly logger: Logger },
): Promise<HubAdmin> {
  const { disk, clock } = ports
  const directory = checked.data
  const store = await openDiskStore(directory, ports)
  const hasher = new KeyHasher(store.secrets.keySecret)
  const accounts = new HologramAccounts(store.index.registry)
  const mqttAccounts = new MqttAccounts(store.index.registry)
  const tokens = new ApiTokens(store.index.registry, TOKEN_MINT)
  const samples = new SampleFile(disk, directory)
  const hashToken = (token: string): string => TOKEN_MINT.hash(token)
  const removal = new Removal({ accounts, mqttAccounts, tokens, samples, hashToken })
  const { emitterKeys, keyBook } = await openKeyBook({
    checked,
    config: config.emitter,
    secrets: store.secrets,
    registry: store.index.registry,
    samples,
    clock,
  }).catch(async (error: unknown) => {
    await closeStore(store)
    throw error
  })
  const administration = localAdministration({
    accounts,
    tokens,
    removal,
    emitterKeys: keyBook,
    mqttAccounts: new AccountBook({
      accounts: mqttAccounts,
      passwords: new ScryptPasswords(),
      mint: TOKEN_MINT,
      forgetSample: (username) => removal.mqttSample(username),
      remove: (username) => removal.mqttAccount(username),
    }),
    keys: { word: randomWord, hash: (id, key) => hasher.hash(id, key) },
    now: () => new Date(clock.now()),
  })
  let closed: Promise<void> | undefined
  const close = (): Promise<void> => {
    accounts[Symbol.dispose]()
    mqttAccounts[Symbol.dispose]()
    tokens[Symbol.dispose]()
    emitterKeys[Symbol.dispose]()
    return (closed ??= closeStore(store))
  }
  return { via: 'directory', ...administration, close, [Symbol.asyncDispose]: close }
}

async function adminOfRunningHub(directory: string, disk: Disk, locked: StorageError): Promise<HubAdmin> {
  const client = await clientOfRunningHub(directory, disk, locked)
  const close = (): Promise<void> => {
    client.close()
    return Promise.resolve()
  }
  const administration = remoteAdministration(client, new SampleFile(disk, directory))
  return { via: 'hub', ...administration, close, [Symbol.asyncDispose]: close }
}
