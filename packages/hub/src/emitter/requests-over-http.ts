import { FAILURES, decodePresenceRequest, encodeFailure, encodePresenceStatus } from '@halyard/wire/emitter'
import type { EmitterRequests } from '../domain/emitter-requests.ts'
import type { EmitterService } from './start.ts'

/** No answer has a packet id. */
const NO_PACKET = 0

/** docs/protocols/emitter.md §5.10 */
export function requestsOverHttp(service: EmitterService): EmitterRequests {
  return {
    async keygen(wish, address) {
      const made = await service.keygen(wish, address)
      return 'refusal' in made ? FAILURES[made.refusal] : made
    },

    presence(body, address) {
      const request = decodePresenceRequest(body)
      const status = 'refusal' in request ? request : service.presence(request, address)
      if (!('refusal' in status)) return { status: 200, body: encodePresenceStatus(status, NO_PACKET) }
      return { status: FAILURES[status.refusal].status, body: encodeFailure(status.refusal, NO_PACKET) }
    },
  }
}
