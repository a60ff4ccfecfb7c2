import type { Incoming, IncomingEvents, Listener, ListenerEvents } from '@halyard/hologram'

/** A listener that knows whether somebody is still speaking. */
export class BusyListener implements Listener {
  readonly listen: Listener['listen']
  readonly #open = new Set<Incoming>()
  #onQuiet: () => void = () => {}

  constructor(listener: Listener) {
    this.listen = (endpoint, events) =>
      listener.listen(endpoint, {
        connected: (incoming) => this.#connected(incoming, events),
        failed: (error) => events.failed(error),
      })
  }

  /** Connections whose message is not complete. */
  get speaking(): number {
    return this.#open.size
  }

  /** Resolves when there are none. */
  async quiet(): Promise<void> {
    while (this.#open.size > 0) await new Promise<void>((resolve) => (this.#onQuiet = resolve))
  }

  #connected(incoming: Incoming, listener: ListenerEvents): IncomingEvents | undefined {
    const over = (): void => {
      this.#open.delete(incoming)
      if (this.#open.size === 0) this.#onQuiet()
    }
    const counted: Incoming = {
      remoteAddress: incoming.remoteAddress,
      close() {
        over()
        incoming.close()
      },
      reset() {
        over()
        incoming.reset()
      },
    }
    this.#open.add(incoming)
    const events = listener.connected(counted)
    if (events === undefined) over()
    return events
  }
}
