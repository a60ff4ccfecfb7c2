import type { RefusalCode, ReplyForm } from './reply.ts'

/** A request that gets a code instead of a result: the protocol has a reply for each, so nothing is thrown. */
export interface Refusal {
  readonly refusal: RefusalCode
  readonly form: ReplyForm
  /** What is wrong, for the log of the server; holds nothing that the peer sent. */
  readonly reason: string
}

export function refuse(refusal: RefusalCode, form: ReplyForm, reason: string): Refusal {
  return { refusal, form, reason }
}
