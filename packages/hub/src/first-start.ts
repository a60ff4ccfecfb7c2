/** The sample accounts that a hub makes once, and shows at every start for as long as they are there. */
import type { HologramAccounts } from './domain/accounts.ts'
import type { ApiTokens } from './domain/api-tokens.ts'
import type { Json, Registry } from './domain/ports.ts'
import type { EmitterKeys } from './domain/emitter-keys.ts'
import { sha256Secret } from './domain/mqtt-accounts.ts'
import type { MqttAccounts } from './domain/mqtt-accounts.ts'
import type { EmitterLicense } from './emitter-license.ts'
import { enterEmitterSample, holdsEmitterSample, makeEmitterSample } from './emitter-sample.ts'
import type { SampleFile, SampleName, Samples } from './sample-file.ts'
import { TOKEN_MINT, randomWord } from './secrets.ts'
import type { KeyHasher } from './secrets.ts'

/** The document that says which samples were made: who removes one does not want it back. */
const SETUP = { collection: 'hub', id: 'setup' } as const

const SAMPLE_NAMES: readonly SampleName[] = ['hologram', 'console', 'mqtt', 'emitter']
/** What a hub of the first version made, which wrote no list. */
const MADE_BY_VERSION_1: readonly SampleName[] = ['hologram']

interface Parts {
  readonly accounts: HologramAccounts
  readonly tokens: ApiTokens
  readonly mqttAccounts: MqttAccounts
  readonly emitterKeys: EmitterKeys
  readonly emitterLicense: EmitterLicense
  readonly registry: Registry
  readonly hasher: KeyHasher
  readonly now: Date
}

/**
 * First start: makes the samples, writes them to `accounts.json`, then enters them, in this order, so that a crash in
 * between ends with the same accounts. Later: reads the file, makes what an earlier version did not know, and gives what
 * still holds.
 */
export async function sampleAccounts(parts: Parts, file?: SampleFile): Promise<Samples> {
  const { registry } = parts
  const made = madeBefore((await registry.get(SETUP.collection, SETUP.id))?.value)
  const written = await file?.read()
  // Keys of another licence say nothing any more.
  const isOther = written?.emitter !== undefined && written.emitter.license !== parts.emitterLicense.text
  const missing = SAMPLE_NAMES.filter((name) => !made.includes(name) || (name === 'emitter' && isOther))
  if (missing.length === 0) return stillValid(written ?? {}, parts)

  // What is in the file and was not entered is what a crash has left of a first start.
  const { emitter, ...others } = written ?? {}
  const wanted: Samples = isOther || emitter === undefined ? others : { ...others, emitter }
  const samples = Object.assign({}, ...missing.map((name) => ({ [name]: MAKE[name](parts) })), wanted) as Samples
  if (missing.some((name) => wanted[name] === undefined)) await file?.write(samples)
  for (const name of missing) await ENTER[name](samples, parts)
  await registry.put(SETUP.collection, SETUP.id, { version: 2, made: SAMPLE_NAMES })
  return stillValid(samples, parts)
}

const MAKE: { readonly [Name in SampleName]: (parts: Parts) => NonNullable<Samples[Name]> } = {
  hologram: () => ({ cloud_id: randomWord(4), cloud_key: randomWord(4) }),
  console: () => ({ token: TOKEN_MINT.make() }),
  mqtt: () => ({ username: 'sample', password: TOKEN_MINT.make() }),
  emitter: ({ emitterLicense }) => makeEmitterSample(emitterLicense),
}

const ENTER: Readonly<Record<SampleName, (samples: Samples, parts: Parts) => Promise<unknown>>> = {
  hologram: async ({ hologram }, { accounts, hasher }) => {
    if (!hologram) return
    const { cloud_id: cloudId, cloud_key: cloudKey } = hologram
    await accounts.create({ cloudId, keyHash: hasher.hash(cloudId, cloudKey) })
  },
  console: async ({ console: sample }, { tokens, now }) => sample && tokens.create('sample', now, sample.token),
  mqtt: async ({ mqtt }, { mqttAccounts }) =>
    mqtt &&
    mqttAccounts.create({
      username: mqtt.username,
      secret: sha256Secret(TOKEN_MINT.hash(mqtt.password)),
      access: undefined,
    }),
  emitter: async ({ emitter }, { emitterKeys, emitterLicense, now }) =>
    emitter && enterEmitterSample(emitter, emitterLicense, emitterKeys, now),
}

/** False until the first start has made everything that stays. */
export async function isSetUp(registry: Registry): Promise<boolean> {
  return (await registry.get(SETUP.collection, SETUP.id)) !== undefined
}

function madeBefore(setup: Json | undefined): readonly SampleName[] {
  if (setup === undefined) return []
  const { made } = setup as { readonly made?: readonly SampleName[] }
  return made ?? MADE_BY_VERSION_1
}

/** A sample that was removed, or has another key now, is not shown: it would not work. */
async function stillValid(samples: Samples, parts: Parts): Promise<Samples> {
  const { accounts, tokens, mqttAccounts, hasher, emitterKeys, emitterLicense } = parts
  const { hologram, console: sample, mqtt, emitter } = samples
  const account = hologram && (await accounts.find(hologram.cloud_id))
  const holds = hologram && hasher.matches(account?.keyHash, hologram.cloud_id, hologram.cloud_key)
  return {
    ...(holds && { hologram }),
    ...(mqtt && (await holdsMqtt(mqtt, mqttAccounts)) && { mqtt }),
    ...(emitter && holdsEmitterSample(emitter, emitterLicense, emitterKeys) && { emitter }),
    ...(sample && (await tokens.isValid(sample.token)) && { console: sample }),
  }
}

async function holdsMqtt(
  { username, password }: NonNullable<Samples['mqtt']>,
  accounts: MqttAccounts,
): Promise<boolean> {
  const secret = (await accounts.find(username))?.secret
  return secret?.algorithm === 'sha256' && secret.hash === TOKEN_MINT.hash(password)
}
