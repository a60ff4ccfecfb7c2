/** Recognises what answers where MQTT was expected. */
export function explainBytes(_first: Uint8Array): string | undefined {
  return undefined
}
