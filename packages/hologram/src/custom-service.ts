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
 *
 * `Raw` is its name in document 001, where it is message mode `tcp-other`.
 */
export function customService(className: 'CustomCloud' | 'Raw'): Service {
  const sender = className === 'Raw' ? "message mode 'tcp-other'" : className
  return {
    className,
    listens: false,
    maxResponse: MAX_ANSWER,
    answersAtOnce: false,
    deliveredDescription: '',
    checkCredentials: () => {},
    checkAccount: ({ endpoint }) => requireEndpoint(endpoint),
    destination: ({ endpoint: { host, port } }) => `custom:${host}:${port}`,
    message: {
      name: 'custom.message',
      atMostOnce: false,
      check(_body, { topics }) {
        if (topics === undefined) return
        const what = `${sender} sends bytes as they are and has no topics; leave them out`
        throw new UsageError('ERR_HOLOGRAM_TOPICS', what)
      },
      request: (_account, body) => body,
      isComplete: () => false,
      judge: (_request, { written, response, problem }) =>
        written
          ? { outcome: 'delivered', code: ERR_OK, description: decoder.decode(response) }
          : { outcome: 'retry', reason: problem },
    },
  }
}
