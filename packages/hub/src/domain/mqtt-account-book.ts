/** Who may speak plain MQTT, as those who look after a hub see it. */

export type Access = 'read' | 'write' | 'readwrite' | 'deny'

/** What an account may do with the topics that fit a filter. */
export interface AccessRule {
  /** `sensors/%u/#`: `%u` is the name of the account, `%c` the client id, when they hold no `+`, `#` or `/`. */
  readonly filter: string
  readonly access: Access
}

export interface MqttAccountEntry {
  readonly username: string
  /** None: every topic, and `$SYS` to read. */
  readonly access?: readonly AccessRule[]
}

/** `password`: only if the hub made it; it is known now and never again. */
export type MqttAccountMade = MqttAccountEntry & { readonly password?: string }

export interface NewMqttAccount {
  /** 1 to 128 characters, no control characters */
  readonly username: string
  /** 1 to 1024 bytes of UTF-8; left out: one is made. */
  readonly password?: string
  readonly access?: readonly AccessRule[]
}

export interface MqttAccountChange {
  /** null: one is made. Left out: it stays. */
  readonly password?: string | null
  /** null: none, which is every topic. Left out: it stays. */
  readonly access?: readonly AccessRule[] | null
}

/** Makes, changes and lists accounts; what does not fit is refused with `ERR_USAGE`. */
export interface MqttAccountBook {
  /** @throws {UsageError} `ERR_USAGE`, `ERR_HUB_ACCOUNT_EXISTS` */
  add(account: NewMqttAccount): Promise<MqttAccountMade>
  /** Connections of the account end. @throws {UsageError} `ERR_USAGE`, `ERR_HUB_ACCOUNT_UNKNOWN` */
  change(username: string, change: MqttAccountChange): Promise<MqttAccountMade>
  /** `sample`: out of `accounts.json` too. Its connections end. @throws {UsageError} `ERR_HUB_ACCOUNT_UNKNOWN` */
  remove(username: string): Promise<{ readonly sample: boolean }>
  /** By name; at most `limit` (at most 1,000) behind `after`. */
  list(page: { readonly after?: string; readonly limit: number }): Promise<readonly MqttAccountEntry[]>
}
