/** The object of the JSON line `halyard hub --json` prints first. A service that this version does not have has no key. */
export interface HubReady {
  readonly event: 'ready'
  /** The data directory, absolute, or `':memory:'`. */
  readonly data: string
  readonly ports: {
    readonly front: number
    readonly mqtt?: number
    readonly hologram?: number
    readonly exp?: number
  }
  readonly mqtt?: { readonly username: string; readonly password: string }
  readonly hologram?: { readonly cloud_id: string; readonly cloud_key: string }
  readonly emitter?: {
    readonly license: string
    readonly master_key: string
    /** rwslp on demo/#/ */
    readonly channel_key: string
  }
  readonly ttn?: {
    readonly app_id: string
    readonly tenant: string
    readonly access_key: string
    readonly api_key: string
    readonly device_id: string
  }
  readonly exp?: {
    readonly host: string
    readonly organization: string
    readonly username: string
    readonly password: string
    readonly device: { readonly uuid: string; readonly secret: string }
    readonly consumer_app: { readonly uuid: string; readonly api_key: string }
  }
  readonly console?: { readonly url: string; readonly token: string }
}

/** The sample accounts, as `accounts.json` holds them. */
export type HubAccounts = Omit<HubReady, 'event' | 'data' | 'ports'>
