import { HalyardError, ProtocolError } from '../errors.ts'

/**
 * The peer broke the standard: the connection ends. `reasonCode` is what MQTT 5.0 would say in DISCONNECT or CONNACK,
 * `clause` the statement that was broken, as the standards number it; {@link connectReturnCode} has the CONNACK of older
 * versions. docs/protocols/mqtt.md §4.2
 *
 * @example
 * ```ts
 * import { MqttProtocolError, decodePacket } from '@halyard/wire/mqtt'
 * try {
 *   decodePacket(Uint8Array.of(0x62, 2, 0, 0), { version: 4 })
 * } catch (error) {
 *   if (error instanceof MqttProtocolError) console.log(error.code, error.reasonCode) // ERR_MQTT_PACKET_ID 129
 * }
 * ```
 */
export class MqttProtocolError extends ProtocolError {
  override name = 'MqttProtocolError'
  readonly reasonCode: number
  /** `MQTT-3.3.1-4`, or a section, `5.0 §3.1.2.11`, where the standard gives no number. */
  readonly clause: string

  constructor(code: string, reasonCode: number, clause: string, message: string, options?: ErrorOptions) {
    super(code, `${message} [${clause}]`, options)
    this.reasonCode = reasonCode
    this.clause = clause
  }
}

/** Our own side asked for what cannot be written: the caller must act. Nothing was written. */
export class MqttEncodeError extends HalyardError {
  override name = 'MqttEncodeError'
}
