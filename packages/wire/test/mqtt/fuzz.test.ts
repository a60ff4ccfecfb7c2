import { expect, it } from 'vitest'
import { fuzzDecoder } from '../../../../proofs/mqtt-fuzz/decoder.ts'

/** Every code that a decoder can give; each must have been seen, so that the mutations reach every check. */
const CODES = [
  'ERR_MQTT_CLIENT_ID',
  'ERR_MQTT_CONNACK_FLAGS',
  'ERR_MQTT_CONNECTED',
  'ERR_MQTT_CONNECT_FLAGS',
  'ERR_MQTT_EMPTY',
  'ERR_MQTT_FLAGS',
  'ERR_MQTT_LENGTH',
  'ERR_MQTT_LIMIT',
  'ERR_MQTT_NOT_CONNECTED',
  'ERR_MQTT_PACKET_ID',
  'ERR_MQTT_PACKET_TOO_LARGE',
  'ERR_MQTT_PACKET_TYPE',
  'ERR_MQTT_PROPERTY',
  'ERR_MQTT_PROPERTY_TWICE',
  'ERR_MQTT_PROPERTY_VALUE',
  'ERR_MQTT_PROTOCOL',
  'ERR_MQTT_PROTOCOL_NAME',
  'ERR_MQTT_PROTOCOL_VERSION',
  'ERR_MQTT_PUBLISH_FLAGS',
  'ERR_MQTT_REASON_CODE',
  'ERR_MQTT_SUBSCRIPTION_OPTIONS',
  'ERR_MQTT_TOPIC',
  'ERR_MQTT_TRAILING',
  'ERR_MQTT_TRUNCATED',
  'ERR_MQTT_UTF8',
]

it('100,000 mutated packets and sequences end as packets or as an error of every code', { timeout: 60_000 }, () => {
  const { inputs, sequences, accepted, rewritten, codes } = fuzzDecoder({ seed: 20_260, count: 100_000 })
  expect(inputs).toBe(100_000)
  expect(sequences).toBeGreaterThan(20_000)
  expect(accepted).toBeGreaterThan(5000)
  expect(rewritten).toBeGreaterThan(1000)
  expect(Object.keys(codes).toSorted()).toEqual(CODES)
})
