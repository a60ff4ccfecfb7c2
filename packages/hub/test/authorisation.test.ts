import { nodeClock } from '@halyard/core/node'
import { ERR_AUTHINVALID } from '@halyard/wire/hologram'
import { expect, it } from 'vitest'
import { DEFAULT_CONFIG } from '../src/config.ts'
import { HologramAccounts } from '../src/domain/accounts.ts'
import { Devices } from '../src/domain/devices.ts'
import { MessageBus } from '../src/domain/message-bus.ts'
import { MessageLog } from '../src/domain/message-log.ts'
import { Authoriser } from '../src/hologram/authoriser.ts'
import type { HologramLimits } from '../src/hologram/limits.ts'
import { CloudService } from '../src/hologram/service.ts'
import type { Outcome } from '../src/hologram/service.ts'
import { KeyHasher } from '../src/secrets.ts'
import { MemoryHistory } from '../src/store/memory-history.ts'
import { MemoryJournal } from '../src/store/memory-journal.ts'
import { MemoryRegistry } from '../src/store/memory-registry.ts'
import { encodeMessageRecord } from '../src/store/record.ts'
import { RecordingLogger } from './support.ts'

const defaults = DEFAULT_CONFIG.hologram.limits

function authoriserOf(registry: MemoryRegistry, limits: HologramLimits): Authoriser {
  const keys = new KeyHasher(Buffer.alloc(20))
  return new Authoriser({
    accounts: new HologramAccounts(registry),
    devices: new Devices('hologram', new MemoryHistory(() => new Date())),
    keys,
    limits,
  })
}

it('guesses at accounts that must be looked up are counted one by one, also if they come together', async () => {
  const authoriser = authoriserOf(new MemoryRegistry(), { ...defaults, authFailuresPerAddress: 3 })
  const claim = { cloudKey: '!!!!', address: '127.0.0.2', now: 0 }
  const verdicts = await Promise.all(
    ['no01', 'no02', 'no03', 'no04', 'no05'].map(async (cloudId) => authoriser.check({ ...claim, cloudId })),
  )
  expect(verdicts).toEqual(['wrong', 'wrong', 'wrong', 'throttled', 'throttled'])
})

interface Stage {
  readonly logger: RecordingLogger
  readonly journal: MemoryJournal
  /** What becomes of a message of so many bytes. */
  readonly send: (size: number) => Promise<Outcome>
}

function stage(get: MemoryRegistry['get'], limits = defaults): Stage {
  const registry = new MemoryRegistry()
  registry.get = get
  const journal = new MemoryJournal()
  const logger = new RecordingLogger()
  const service = new CloudService({
    authoriser: authoriserOf(registry, limits),
    devices: new Devices('hologram', new MemoryHistory(() => new Date())),
    messages: new MessageLog({ journal, bus: new MessageBus(), hubId: 'test', codec: { encode: encodeMessageRecord } }),
    journal,
    clock: nodeClock(),
    logger,
    limits,
    sms: { take: () => Promise.resolve() },
  })
  const request = { kind: 'message', auth: { cloudId: 'abcd', cloudKey: 'efgh' }, data: 'x' } as const
  const peer = { address: '127.0.0.2', host: '127.0.0.2' }
  const send = (size: number): Promise<Outcome> =>
    new Promise((resolve) => service.handle({ request, form: 'json', size }, peer, resolve))
  return { logger, journal, send }
}

it('a message whose account cannot be looked up now stays with its device', async () => {
  const { logger, journal, send } = stage(() => Promise.reject(new Error('the index worker has stopped')))
  expect(await send(50)).toBe('silence')
  expect(journal.committed).toBe(0)
  expect(logger.texts('warn')).toEqual(['hologram: an account could not be looked up: the index worker has stopped'])
})

it('messages that wait for a look-up have so much memory together', async () => {
  let found = (): void => {}
  const { send } = stage(() => new Promise((resolve) => (found = () => resolve(undefined))), {
    ...defaults,
    bufferedBytes: 100,
  })
  const first = send(101)
  expect(await send(50)).toBe('silence')
  found()
  expect(await first).toBe(ERR_AUTHINVALID)
  // The account is in memory by now, and so is room.
  expect(await send(50)).toBe(ERR_AUTHINVALID)
})
