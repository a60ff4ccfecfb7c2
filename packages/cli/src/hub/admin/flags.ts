/** As commander hands them over. */
export interface AdminFlags {
  readonly data?: string
  readonly config?: string
  /** For Emitter's keys alone. */
  readonly emitterLicense?: string
  readonly json?: true
}

export interface AccountFlags extends AdminFlags {
  readonly service?: string
}

export interface AccountAddFlags extends AccountFlags {
  readonly cloud_id?: string
  readonly cloud_key?: string
  readonly cloudId?: string
  readonly cloudKey?: string
}

/** `--service mqtt` */
export interface MqttAccountAddFlags extends AccountAddFlags {
  readonly username?: string
  readonly password?: string
  readonly access?: readonly string[]
}

/** `account set`, which MQTT's accounts alone have */
export interface MqttAccountSetFlags extends AdminFlags {
  readonly password?: string
  readonly newPassword?: true
  readonly access?: readonly string[]
  readonly allTopics?: true
}
