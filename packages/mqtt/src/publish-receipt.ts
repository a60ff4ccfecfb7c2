/** What the caller of a publish is told. */
import { HalyardError } from '@halyard/core'
import type { Outcome, Receipt } from '@halyard/core'
import { MqttRefusedError } from './errors.ts'
import { refusalOf } from './refusals.ts'

/** @throws {MqttRefusedError} `ERR_MQTT_PUBLISH` if the server did not take it */
export function receiptOf({ id, state, reason = '' }: Outcome, topic: string): Receipt {
  if (state !== 'dropped') return { id, state }
  const code = /\(0x([\da-f]{2})\)/u.exec(reason)?.[1]
  const message = `the message on ${topic} was dropped: ${reason}`
  if (code === undefined) throw new HalyardError('ERR_MQTT_DROPPED', message)
  throw new MqttRefusedError('ERR_MQTT_PUBLISH', message, refusalOf(Number.parseInt(code, 16)))
}
