/** Messages to devices: what the hub owes them, and what became of it. */

export interface PushRequest {
  readonly cloudId: string
  readonly payload: Uint8Array
  /** Where the device listens; where it last connected from */
  readonly host?: string
  /** 4010 */
  readonly port?: number
}

export type PushState = 'queued' | 'delivered' | 'dropped'

export interface Push {
  readonly id: string
  readonly cloudId: string
  readonly state: PushState
  /** Why it was dropped, or why the last attempt failed. */
  readonly reason?: string
  /** Attempts begun by this process; one without an address to connect to counts. */
  readonly attempts: number
  /** bytes of the payload */
  readonly size: number
  readonly queuedAt: Date
  readonly settledAt?: Date
}

export interface PushWait {
  readonly signal?: AbortSignal
}

/** Each device has a queue of its own: one that is out of reach keeps nobody else waiting. */
export interface Pushes {
  /**
   * Resolves when the message lasts: `delivered` if the device had it at the first attempt, else `queued`.
   *
   * @throws {HalyardError} `ERR_USAGE`, `ERR_HUB_DEVICE_UNKNOWN`, `ERR_HUB_PUSH_SIZE`, `ERR_HUB_PUSH_FULL`, `ERR_STORE_…`
   */
  push(request: PushRequest, wait?: PushWait): Promise<Push>
  /** The first half of {@link push}: resolves as soon as the message lasts, whether it is delivered or not. Throws the same. */
  keep(request: PushRequest): Promise<Push>
  /** Resolves when it is delivered or dropped; rejects with `ERR_ABORTED`, `ERR_HUB_PUSH_UNKNOWN`. */
  settled(cloudId: string, id: string, wait?: PushWait): Promise<Push>
  /** What is queued and what was settled lately, oldest first. */
  list(cloudId: string): Promise<readonly Push[]>
  find(cloudId: string, id: string): Push | undefined
  /** Takes one back; false if it is not known or has gone out. */
  drop(cloudId: string, id: string): Promise<boolean>
  /** How many wait. */
  queued(cloudId: string): number
}
