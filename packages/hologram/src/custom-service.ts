import { UsageError } from '@halyard/core'
import { ERR_OK } from '@halyard/wire/hologram'
import { requireEndpoint } from './endpoint.ts'
import type { Service } from './service.ts'

/** As much of an answer as is read: what a device can want to know fits, an endless one does not fill its memory. */
const MAX_ANSWER = 64 * 1024

/** Answers are shown as text, whatever they are. */
const decoder = new TextDecoder()

/**
 * A server of one's own: the bytes as given, no frame, no credentials, no reply code. docs/protocols/hologram.md §1.2
 * Written whole is delivered; what the peer answers, or that it is silent, is the answer.
 */
export const customService: Service = {
  className: 'CustomCloud',
  kind: 'custom.message',
  maxResponse: MAX_ANSWER,
  answersAtOnce: false,
  deliveredDescription: '',
  checkCredentials: () => {},
  check({ endpoint }, _body, topics) {
    requireEndpoint(endpoint)
    if (topics !== undefined) {
      throw new UsageError(
        'ERR_HOLOGRAM_TOPICS',
        'CustomCloud sends bytes as they are and has no topics; leave them out',
      )
    }
  },
  destination: ({ endpoint: { host, port } }) => `custom:${host}:${port}`,
  request: (_account, body) => body,
  isComplete: () => false,
  judge: (_request, { written, response, problem }) =>
    written
      ? { outcome: 'delivered', code: ERR_OK, description: decoder.decode(response) }
      : { outcome: 'retry', reason: problem },
}
