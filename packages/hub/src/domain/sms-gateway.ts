/** An SMS that a device handed in, on its way to a phone. */
export interface OutgoingSms {
  /** Of the message: who takes the same one twice sends it once. */
  readonly id: string
  /** Who sends it. */
  readonly cloudId: string
  /** As the device wrote it: at most 15 digits, mostly behind a `+`. */
  readonly destination: string
  readonly text: string
  readonly receivedAt: Date
}

/** What waits behind a gateway. */
export interface SmsBacklog {
  readonly queued: number
  /** When the one that has waited longest was taken. */
  readonly oldest?: Date
}

/** Where SMS leave the hub. The device has its `00` when the history and the gateway have both taken it. */
export interface SmsGateway {
  readonly backlog: SmsBacklog
  /** Resolves when it lasts there. @throws {HalyardError} if it does not: the device is answered `60`. */
  take(sms: OutgoingSms): Promise<void>
  /** Waits for what is on the wire; what is queued stays. */
  close(): Promise<void>
}
