import { writeAnswer } from './json.ts'
import type { Fields } from './json.ts'

/** Who the connection is, and its links. The payload of the request means nothing. docs/protocols/emitter.md §2.8 */
export interface MeAnswer {
  readonly id: string
  /** Name to channel with options, without keys; `undefined` if there are none. */
  readonly links?: Readonly<Record<string, string>> | undefined
}

/** `{"req":1,"status":200,"id":"…","links":{"a0":"a/"}}` */
export function encodeMeAnswer({ id, links }: MeAnswer, req: number): Uint8Array {
  const some = links !== undefined && Object.keys(links).length > 0
  return writeAnswer({ req: req === 0 ? undefined : req, status: 200, id, links: some ? links : undefined })
}

export function readMeAnswer(fields: Fields): MeAnswer | undefined {
  if (!fields.has('id')) return undefined
  const id = fields.text('id')
  const links = fields.texts('links')
  return links ? { id, links } : { id }
}
