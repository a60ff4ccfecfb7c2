import { ConnectionError } from '@halyard/core'
import type { ReasonName } from '@halyard/wire/mqtt'

/** What an {@link MqttRefusedError} knows beside its words. */
export interface Refusal {
  readonly reasonCode: number
  readonly reason: ReasonName | 'unknown'
  readonly packetId?: number
}

/** The server said no: to the connection, a subscription, a message; or it ended the connection. */
export class MqttRefusedError extends ConnectionError {
  override name = 'MqttRefusedError'
  /** 0x80 to 0xA2 of 5.0 §2.4, also where MQTT 3.1.1 said it with a number of its own */
  readonly reasonCode: number
  /** its name in the standard: `notAuthorized` */
  readonly reason: ReasonName | 'unknown'
  /** of the packet that was refused, where it had one */
  readonly packetId: number | undefined

  constructor(code: string, message: string, refusal: Refusal, options?: ErrorOptions) {
    super(code, message, options)
    this.reasonCode = refusal.reasonCode
    this.reason = refusal.reason
    this.packetId = refusal.packetId
  }
}
