import { filterMessages } from '../src/store/history-rules.ts'
import { AbortError, silentLogger } from '@halyard/core'
import { nodeClock } from '@halyard/core/node'
import { onTestFinished } from 'vitest'
import { Removal } from '../src/admin/removal.ts'
import { MqttAccounts } from '../src/domain/mqtt-accounts.ts'
import { AccountBook } from '../src/mqtt-account-book.ts'
import { ScryptPasswords } from '../src/passwords.ts'
import { DEFAULT_CONFIG } from '../src/config.ts'
import { HologramAccounts } from '../src/domain/accounts.ts'
import { ApiTokens } from '../src/domain/api-tokens.ts'
import { Devices } from '../src/domain/devices.ts'
import { MessageBus } from '../src/domain/message-bus.ts'
import type { History } from '../src/domain/ports.ts'
import type { Push, PushRequest, PushWait, Pushes } from '../src/domain/pushes.ts'
import { addressKey } from '../src/listen/addresses.ts'
import { HttpService } from '../src/listen/http.ts'
import { TcpListener } from '../src/listen/tcp-listener.ts'
import { RestApi } from '../src/rest/rest-api.ts'
import { openKeyBook } from '../src/open-emitter.ts'
import { TOKEN_MINT, makeSecrets, randomWord } from '../src/secrets.ts'
import { MemoryHistory } from '../src/store/memory-history.ts'
import { MemoryRegistry } from '../src/store/memory-registry.ts'
import { caller } from './rest-support.ts'
import type { Call } from './rest-support.ts'
import { RecordingLogger } from './support.ts'

/** Queues; the test says what becomes of a message. */
export class HeldPushes implements Omit<Pushes, 'push'> {
  readonly requests: PushRequest[] = []
  readonly pushes = new Map<string, Push>()
  readonly waiting = new Map<string, Set<(push: Push) => void>>()
  refusal: Error | undefined

  keep(request: PushRequest): Promise<Push> {
    if (this.refusal) return Promise.reject(this.refusal)
    this.requests.push(request)
    const id = `push/${this.requests.length}`
    const { cloudId, payload } = request
    const push: Push = { id, cloudId, state: 'queued', attempts: 0, size: payload.length, queuedAt: new Date(0) }
    this.pushes.set(id, push)
    return Promise.resolve(push)
  }

  settle(id: string, part: Partial<Push>): void {
    const push = { ...this.pushes.get(id), ...part } as Push
    this.pushes.set(id, push)
    if (push.state === 'queued') return
    for (const tell of this.waiting.get(id) ?? []) tell(push)
  }

  settled(_cloudId: string, id: string, { signal }: PushWait = {}): Promise<Push> {
    return new Promise((resolve, reject) => {
      const waiting = this.waiting.get(id) ?? new Set()
      this.waiting.set(id, waiting.add(resolve))
      const stop = (): void => {
        waiting.delete(resolve)
        reject(new AbortError(signal?.reason))
      }
      if (signal?.aborted) stop()
      signal?.addEventListener('abort', stop)
    })
  }

  list(cloudId: string): Promise<readonly Push[]> {
    return Promise.resolve([...this.pushes.values()].filter((push) => push.cloudId === cloudId))
  }

  find(cloudId: string, id: string): Push | undefined {
    const push = this.pushes.get(id)
    return push?.cloudId === cloudId ? push : undefined
  }

  drop(cloudId: string, id: string): Promise<boolean> {
    const isQueued = this.find(cloudId, id)?.state === 'queued'
    if (isQueued) this.pushes.delete(id)
    return Promise.resolve(isQueued)
  }

  queued(cloudId: string): number {
    return [...this.pushes.values()].filter((push) => push.cloudId === cloudId && push.state === 'queued').length
  }
}

export interface ServeOptions {
  readonly requestTimeout?: number
  readonly history?: History
}

export interface Served {
  readonly pushes: HeldPushes
  readonly call: Call
  readonly port: number
  readonly rest: RestApi
  readonly bus: MessageBus
  readonly log: RecordingLogger
  readonly waiting: (id: string) => number
}

/** The API without the rest of a hub, on a real socket; it knows the device `abcd` and the token `local`. */
export async function serve({
  requestTimeout = 60,
  history = new MemoryHistory(() => new Date()),
}: ServeOptions = {}): Promise<Served> {
  const pushes = new HeldPushes()
  const registry = new MemoryRegistry()
  const clock = nodeClock()
  const bus = new MessageBus()
  const log = new RecordingLogger()
  const accounts = new HologramAccounts(registry)
  await accounts.create({ cloudId: 'abcd', keyHash: 'x' })
  const tokens = new ApiTokens(registry, TOKEN_MINT)
  const mqttAccounts = new MqttAccounts(registry)
  const hashToken = (token: string): string => TOKEN_MINT.hash(token)
  const removal = new Removal({ accounts, mqttAccounts, tokens, samples: undefined, hashToken })
  const limits = { ...DEFAULT_CONFIG.front.limits, requestTimeout }
  const { keyBook } = await openKeyBook({
    checked: { emitterLicense: undefined, acceptForeignKeys: false, emitterMatcher: 'emitter' },
    config: DEFAULT_CONFIG.emitter,
    secrets: makeSecrets(),
    registry,
    samples: undefined,
    clock,
  })
  const rest = new RestApi({
    emitterKeys: keyBook,
    emitter: {
      keygen: () => Promise.resolve({ status: 404, message: 'no broker is here' }),
      presence: () => ({ status: 404, body: new Uint8Array() }),
    },
    tokens,
    removal,
    localToken: 'local',
    accounts,
    mqttAccounts: new AccountBook({
      accounts: mqttAccounts,
      passwords: new ScryptPasswords(),
      mint: TOKEN_MINT,
      forgetSample: async () => {},
      remove: (name) => removal.mqttAccount(name),
    }),
    pushes,
    backups: undefined,
    metrics: () => Promise.reject(new Error('no metrics here')),
    history,
    filterMessages,
    clock,
    addressKey,
    devices: new Devices('hologram', history),
    bus,
    hubId: 'testtest',
    logger: log,
    keys: { word: randomWord, hash: (id, key) => `${id}${key}` },
    limits: { ...limits, pushBytes: 1024 * 1024 },
  })
  const http = await HttpService.create({
    limits,
    health: () => ({}),
    routes: rest.routes,
    upgrade: (_request, socket) => socket.destroy(),
  })
  const listener = await TcpListener.open({
    name: 'front',
    host: '127.0.0.1',
    port: 0,
    logger: silentLogger,
    ...limits,
    onConnection: (socket) => http.accept(socket),
  })
  onTestFinished(async () => {
    listener.stopAccepting()
    listener.destroy()
    await http.close()
  })
  const { port } = listener
  return {
    pushes,
    rest,
    bus,
    log,
    port,
    call: caller(port, 'local'),
    waiting: (id) => pushes.waiting.get(id)?.size ?? 0,
  }
}
