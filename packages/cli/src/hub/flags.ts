/** As commander hands them over. */
export interface HubFlags {
  readonly data?: string
  readonly host?: string
  readonly config?: string
  readonly demo?: true
  readonly json?: true
  readonly ephemeral?: true
  readonly mqttAnonymous?: true
  readonly emitterLicense?: string
  readonly acceptForeignKeys?: true
  readonly portFront?: string
  readonly portHologram?: string
  readonly portMqtt?: string
  readonly portExp?: string
  readonly portExpGateway?: string
}
