import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export interface Pair {
  readonly cert: string
  readonly key: string
}

/** PEM texts. */
export interface Certificates {
  /** Where they lie: `ca.pem`, `server.pem`, `server.key` … */
  readonly directory: string
  readonly ca: string
  /** For localhost and 127.0.0.1. */
  readonly server: Pair
  /** The same, over since it was made. */
  readonly expired: Pair
  /** For broker.example alone. */
  readonly elsewhere: Pair
  readonly client: Pair
  /** Signed by themselves. */
  readonly alone: Pair
}

/** Made with openssl for a hundred years, by an authority whose key is gone: tests need no openssl. */
export function certificates(): Certificates {
  const directory = fileURLToPath(new URL('./fixtures', import.meta.url))
  const read = (name: string): string => readFileSync(`${directory}/${name}`, 'utf8')
  const pair = (name: string): Pair => ({ cert: read(`${name}.pem`), key: read(`${name}.key`) })
  return {
    directory,
    ca: read('ca.pem'),
    server: pair('server'),
    expired: pair('expired'),
    elsewhere: pair('elsewhere'),
    client: pair('client'),
    alone: pair('alone'),
  }
}
