import { writeAnswer } from './json.ts'

/** What a broker says when it does not do what was asked. docs/protocols/emitter.md §2.2 */
export interface Failure {
  readonly status: number
  /** To the letter: clients compare it. */
  readonly message: string
}

export type FailureName =
  | 'bad-request'
  | 'bad-target'
  | 'target-too-long'
  | 'bad-link-name'
  | 'unauthorized'
  | 'extend-only'
  | 'payment-required'
  | 'forbidden'
  | 'not-found'
  | 'server-error'
  | 'not-implemented'

/** `payment-required` and `not-implemented` are never sent; a client may meet them in a broker of its own. */
export const FAILURES: Readonly<Record<FailureName, Failure>> = {
  'bad-request': { status: 400, message: 'the request was invalid or cannot be otherwise served' },
  'bad-target': { status: 400, message: 'channel should end with `/` for strict types or `/#/` for wildcards' },
  'target-too-long': { status: 400, message: 'channel can not have more than 23 parts' },
  'bad-link-name': { status: 400, message: 'the link must be an alphanumeric string of 1 or 2 characters' },
  unauthorized: {
    status: 401,
    message: 'the security key provided is not authorized to perform this operation',
  },
  'extend-only': {
    status: 401,
    message: 'the security key with extend permission can only be used for private links',
  },
  'payment-required': {
    status: 402,
    message: 'the request can not be served, as the payment is required to proceed',
  },
  forbidden: {
    status: 403,
    message: 'the request is understood, but it has been refused or access is not allowed',
  },
  'not-found': { status: 404, message: 'the resource requested does not exist' },
  'server-error': {
    status: 500,
    message: 'an unexpected condition was encountered and no more specific message is suitable',
  },
  'not-implemented': {
    status: 501,
    message: 'the server either does not recognize the request method, or it lacks the ability to fulfill the request',
  },
}

/** A request that is answered with a failure. Tell it from a result by `'refusal' in result`. */
export interface Refusal {
  readonly refusal: FailureName
}

export const BAD_REQUEST: Refusal = { refusal: 'bad-request' }

/** `{"req":5,"status":401,"message":"…"}`. `req` is the packet id of the request, left out when 0. */
export function encodeFailure(name: FailureName, req: number): Uint8Array {
  const { status, message } = FAILURES[name]
  return writeAnswer({ req: req === 0 ? undefined : req, status, message })
}
