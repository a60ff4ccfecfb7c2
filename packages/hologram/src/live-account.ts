import { readHost, readPort } from './endpoint.ts'
import type { Account, Service } from './service.ts'

/** The live properties of a cloud from which an account follows: whoever changes one tells whoever sends. */
export class LiveAccount {
  readonly #service: Service
  #credentials: unknown
  #host: string
  #port: number
  /** Called after every change. */
  onChange: () => void = () => {}

  constructor(service: Service, credentials: unknown, host: unknown, port: unknown) {
    service.checkCredentials(credentials)
    this.#service = service
    this.#credentials = credentials
    this.#host = readHost('sendHost', host)
    this.#port = readPort('sendPort', port)
  }

  get current(): Account {
    return { credentials: this.#credentials, endpoint: { host: this.#host, port: this.#port } }
  }

  get credentials(): unknown {
    return this.#credentials
  }
  set credentials(credentials: unknown) {
    this.#service.checkCredentials(credentials)
    this.#credentials = credentials
    this.onChange()
  }

  get host(): string {
    return this.#host
  }
  set host(host: unknown) {
    this.#host = readHost('sendHost', host)
    this.onChange()
  }

  get port(): number {
    return this.#port
  }
  set port(port: unknown) {
    this.#port = readPort('sendPort', port)
    this.onChange()
  }
}
