/** What is sent: messages, or SMS to a telephone. */
import { count } from '../text/units.ts'

export type Kind =
  | { readonly name: 'message'; readonly topics: readonly string[] | undefined }
  | { readonly name: 'SMS'; readonly destination: string }

/** `1 message`, `2 messages`, `2 SMS` */
export function countOf({ name }: Kind, number: number): string {
  return name === 'SMS' ? `${number} SMS` : count(number, name)
}
