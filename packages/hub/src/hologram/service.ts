import {
  CLOUD_ID_LENGTH,
  ERR_AUTHINVALID,
  ERR_INTERNAL,
  ERR_OK,
  ERR_PROTINVALID,
  deviceKeyOf,
} from '@halyard/wire/hologram'
import type { AcceptedRequest, HologramRequest, ReplyCode } from '@halyard/wire/hologram'
import { describeError } from '@halyard/core'
import type { Clock, Logger } from '@halyard/core'
import type { Devices, Peer } from '../domain/devices.ts'
import type { HubMessage, MessageDraft } from '../domain/message.ts'
import type { MessageLog } from '../domain/message-log.ts'
import type { Journal } from '../domain/ports.ts'
import type { SmsGateway } from '../domain/sms-gateway.ts'
import type { Authoriser, Verdict } from './authoriser.ts'
import type { HologramLimits } from './limits.ts'
import { refusalOf } from './sms/check.ts'

export const HOLOGRAM_SPACE = 'hologram'

/** A code, or `'silence'`: the peer gets no answer and keeps its message. */
export type Outcome = ReplyCode | 'silence'

export interface ServiceParts {
  readonly authoriser: Authoriser
  readonly devices: Devices
  readonly messages: MessageLog
  readonly journal: Pick<Journal, 'pendingBytes'>
  readonly sms: Pick<SmsGateway, 'take'>
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: HologramLimits
}

/** What the cloud does with a request: who is it, then into the journal, then the code. */
export class CloudService {
  readonly #parts: ServiceParts
  readonly #encoder = new TextEncoder()
  /** Of requests whose account is being looked up. */
  #waitingBytes = 0

  constructor(parts: ServiceParts) {
    this.#parts = parts
  }

  /** Calls back once, with code 0 only when the message lasts. Never throws. */
  handle({ request, size }: AcceptedRequest, peer: Peer, answer: (outcome: Outcome) => void): void {
    // HOTP, TOTP and the SIM's tokens: their keys never leave the SIM or the original cloud. docs/protocols/hologram.md
    if (request.kind === 'one-time-password') return answer(ERR_PROTINVALID)
    const { journal, clock, logger, limits, authoriser } = this.#parts
    if (journal.pendingBytes + this.#waitingBytes > limits.bufferedBytes) {
      logger.warn(
        { pendingBytes: journal.pendingBytes },
        'hologram: the disk is too slow; messages are left with their devices',
      )
      return answer('silence')
    }
    const { address } = peer
    const deviceKey = deviceKeyOf(request.auth)
    const cloudId = deviceKey.slice(0, CLOUD_ID_LENGTH)
    const cloudKey = deviceKey.slice(CLOUD_ID_LENGTH)
    const decide = (verdict: Verdict): void => {
      if (verdict === 'granted') {
        const refusal = request.kind === 'sms' ? refusalOf(request, limits.smsCharacters) : undefined
        return refusal === undefined ? this.#keep(request, cloudId, peer, answer) : answer(refusal)
      }
      if (verdict === 'wrong') return answer(ERR_AUTHINVALID)
      logger.warn({ address }, 'hologram: too many wrong keys; requests of this address or account stay unanswered')
      answer('silence')
    }
    const verdict = authoriser.check({ cloudId, cloudKey, address, now: clock.monotonic() })
    if (typeof verdict === 'string') return decide(verdict)
    this.#waitingBytes += size
    const found = verdict.finally(() => (this.#waitingBytes -= size))
    found.then(decide, (error: unknown) => {
      logger.warn({ err: error }, `hologram: an account could not be looked up: ${describeError(error)}`)
      // The index is started again in a moment: the message stays with its device until then.
      answer('silence')
    })
  }

  #keep(
    request: Exclude<HologramRequest, { kind: 'one-time-password' }>,
    account: string,
    peer: Peer,
    answer: (outcome: Outcome) => void,
  ): void {
    const { messages, devices, clock, logger } = this.#parts
    const receivedAt = new Date(clock.now())
    devices.seen(account, { ...peer, lastSeenAt: receivedAt })
    const draft: MessageDraft = {
      space: HOLOGRAM_SPACE,
      service: 'hologram',
      account,
      channel: request.kind === 'sms' ? `sms:${request.destination}` : (request.topics ?? []).join(','),
      direction: 'in',
      payload: this.#encoder.encode(textOf(request)),
      receivedAt,
      source: peer.host,
    }
    messages.accept(draft, {
      accepted: (message) => (request.kind === 'sms' ? this.#forward(request, message, answer) : answer(ERR_OK)),
      failed: (error) => {
        logger.warn({ err: error }, `hologram: a message was not kept: ${error.message}`)
        // Whoever gets no answer sends a message again; a code would end it. An SMS is never sent twice: better to be told.
        answer(request.kind === 'sms' ? ERR_INTERNAL : 'silence')
      },
    })
  }

  /** Kept is not enough for an SMS: somebody has to send it. */
  #forward(
    { destination, body }: SmsRequest,
    { id, account, receivedAt }: HubMessage,
    answer: (outcome: Outcome) => void,
  ): void {
    const { sms, logger } = this.#parts
    sms.take({ id, cloudId: account, destination, text: body, receivedAt }).then(
      () => answer(ERR_OK),
      (error: unknown) => {
        logger.warn({ err: error }, `hologram: an SMS was kept but not handed on: ${describeError(error)}`)
        answer(ERR_INTERNAL)
      },
    )
  }
}

type SmsRequest = Extract<HologramRequest, { kind: 'sms' }>

/** A text as it is, any other value as the JSON that the device wrote. */
function textOf(request: Exclude<HologramRequest, { kind: 'one-time-password' }>): string {
  if (request.kind === 'sms') return request.body
  return typeof request.data === 'string' ? request.data : (request.dataSource ?? JSON.stringify(request.data))
}
