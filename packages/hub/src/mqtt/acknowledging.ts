import { REASON } from '@halyard/wire/mqtt'
import type { Acknowledgement } from '@halyard/wire/mqtt'
import type { Broker } from './broker.ts'
import type { ClientOutput } from './client-output.ts'
import type { Lsn } from '../domain/ports.ts'
import type { ReasonCode } from './dialect.ts'
import type { Owed, Session } from './session.ts'

export interface AcknowledgingClient {
  readonly session: Session
  readonly output: ClientOutput
  readonly isOpen: boolean
  close(reason: ReasonCode, why: string): void
  /** There is room again. */
  goOn(): void
}

/** PUBACK, PUBREC, PUBREL and PUBCOMP of a client (§4.3.2, §4.3.3). */
export class Acknowledging {
  readonly #broker: Broker
  readonly #client: AcknowledgingClient

  constructor(broker: Broker, client: AcknowledgingClient) {
    this.#broker = broker
    this.#client = client
  }

  receive({ type, packetId, reasonCode }: Acknowledgement): void {
    const { outgoing, incoming } = this.#client.session
    switch (type) {
      case 'puback':
        return this.#settled(outgoing.puback(packetId))
      case 'pubrec':
        return this.#received(packetId, reasonCode)
      case 'pubrel':
        return this.#released(packetId, incoming.release(packetId))
      case 'pubcomp':
        return this.#settled(outgoing.pubcomp(packetId))
    }
  }

  #received(packetId: number, reasonCode: number): void {
    const { session } = this.#client
    const owed = session.outgoing.get(packetId)
    const next = session.outgoing.pubrec(packetId, reasonCode >= REASON.unspecifiedError)
    if (next === 'settled') return this.#settled(owed)
    const { keeper } = this.#broker
    // A PUBLISH behind a PUBREL would be another message to the client.
    const lsn = next === 'release' && owed !== undefined ? keeper.received(session, owed.ordinal) : 0
    this.#answerAt(lsn, 'pubrel', packetId, next === 'release')
  }

  /**
   * Else the identifier, used again after a crash, would be taken for one that came before. One that is not known may have
   * been released over a connection that has gone, by a record that does not last yet.
   */
  #released(packetId: number, isKnown: boolean): void {
    const { keeper } = this.#broker
    const { session } = this.#client
    const lsn = isKnown ? keeper.released(session, packetId) : session.number === 0 ? 0 : keeper.latest
    this.#answerAt(lsn, 'pubcomp', packetId, isKnown)
  }

  #answerAt(lsn: Lsn, type: 'pubrel' | 'pubcomp', packetId: number, isKnown: boolean): void {
    if (lsn === 0) return this.#answer(type, packetId, isKnown)
    this.#broker.keeper.when(lsn, (error) => {
      if (!this.#client.isOpen) return
      if (error) this.#client.close(REASON.quotaExceeded, 'an acknowledgement could not be stored')
      else this.#answer(type, packetId, isKnown)
    })
  }

  /** Before 5.0 what is unknown is answered as if it were known: the client has forgotten an answer of ours. */
  #answer(type: 'pubrel' | 'pubcomp', packetId: number, isKnown: boolean): void {
    this.#client.output.acknowledge(type, packetId, isKnown ? REASON.success : REASON.packetIdentifierNotFound)
  }

  #settled(owed: Owed | undefined): void {
    if (owed === undefined) return
    const { session } = this.#client
    this.#broker.delivery.settle(session, owed)
    if (session.queue.length > 0 || session.groups.size > 0 || session.resending !== undefined) this.#client.goOn()
  }
}
