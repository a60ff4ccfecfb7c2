/** An SMS that a device handed in, on its way to a phone. */
export interface OutgoingSms {
  /** Of the message: who takes the same one twice sends it once. */
  readonly id: string
  /** Who sends it. */
  readonly cloudId: string
  /** As the device wrote it: `+` and digits */
  readonly destination: string
  readonly text: string
  readonly receivedAt: Date
}

/** Where SMS leave the hub. The device has its `00` when the history and the gateway have both taken it. */
export interface SmsGateway {
  /** Resolves when it lasts there. @throws {HalyardError} if it does not: the device is answered `60`. */
  take(sms: OutgoingSms): Promise<void>
  /** Waits for what is on the wire; what is queued stays. */
  close(): Promise<void>
}
