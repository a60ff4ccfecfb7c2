/**
 * Who sends. The device key is the cloud id and the cloud key in one word, which is why an SMS looks the same with both.
 * docs/protocols/hologram.md §2
 */
export type HologramAuth = SharedKeyAuth | DeviceKeyAuth

export interface SharedKeyAuth {
  /** 4 printable ASCII characters */
  readonly cloudId: string
  /** 4 printable ASCII characters; a secret */
  readonly cloudKey: string
}

export interface DeviceKeyAuth {
  /** 8 printable ASCII characters; the last 4 are a secret */
  readonly deviceKey: string
}

export const CLOUD_ID_LENGTH = 4
export const CLOUD_KEY_LENGTH = 4
export const DEVICE_KEY_LENGTH = 8

const PRINTABLE = /^[!-~]+$/

/** Whether a key has its length and is printable ASCII without a space. */
export function isKey(value: unknown, length: number): value is string {
  return typeof value === 'string' && value.length === length && PRINTABLE.test(value)
}

/** Cloud id and cloud key in one word, whichever form they came in. */
export function deviceKeyOf(auth: HologramAuth): string {
  return 'deviceKey' in auth ? auth.deviceKey : auth.cloudId + auth.cloudKey
}
