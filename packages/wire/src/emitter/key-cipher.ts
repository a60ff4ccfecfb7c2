/** A cipher for keys: 24 bytes, in place. None of the three is authenticated. docs/protocols/emitter.md §3.5 */
export interface KeyCipher {
  encrypt(bytes: Uint8Array): void
  decrypt(bytes: Uint8Array): void
}
