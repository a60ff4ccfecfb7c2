import type { HologramAccounts } from '../domain/accounts.ts'
import type { ApiTokens } from '../domain/api-tokens.ts'
import { isUsername } from '../domain/mqtt-accounts.ts'
import type { MqttAccounts } from '../domain/mqtt-accounts.ts'
import type { SampleFile } from '../sample-file.ts'
import type { Removed } from './api.ts'

export interface RemovalParts {
  readonly accounts: HologramAccounts
  readonly mqttAccounts: MqttAccounts
  readonly tokens: ApiTokens
  /** None: the hub is in memory. */
  readonly samples: SampleFile | undefined
  /** As the tokens' own, whose ids are how it begins. */
  readonly hashToken: (token: string) => string
}

/**
 * Takes an account or a token away, and out of `accounts.json` if it is a sample: for the HTTP API of a hub that runs and
 * for whoever has the directory of one that is stopped. `undefined`: there was none.
 *
 * The file first: who is cut off in between finds the account still there and removes it again.
 */
export class Removal {
  readonly #parts: RemovalParts

  constructor(parts: RemovalParts) {
    this.#parts = parts
  }

  async account(cloudId: string): Promise<Removed | undefined> {
    const { accounts, samples } = this.#parts
    if ((await accounts.find(cloudId)) === undefined) return undefined
    const sample = (await samples?.forget('hologram', ({ cloud_id }) => cloud_id === cloudId)) ?? false
    return (await accounts.remove(cloudId)) ? { sample } : undefined
  }

  async mqttAccount(username: string): Promise<Removed | undefined> {
    const { mqttAccounts } = this.#parts
    if (!isUsername(username) || (await mqttAccounts.find(username)) === undefined) return undefined
    const sample = await this.mqttSample(username)
    return (await mqttAccounts.remove(username)) ? { sample } : undefined
  }

  /** Out of the file alone. False: it was not in it. */
  async mqttSample(username: string): Promise<boolean> {
    return (await this.#parts.samples?.forget('mqtt', (known) => known.username === username)) ?? false
  }

  /** By its id. */
  async token(id: string): Promise<Removed | undefined> {
    const { tokens, samples, hashToken } = this.#parts
    if (!(await tokens.list()).some((token) => token.id === id)) return undefined
    const sample = (await samples?.forget('console', ({ token }) => hashToken(token).startsWith(id))) ?? false
    return (await tokens.remove(id)) ? { sample } : undefined
  }
}
