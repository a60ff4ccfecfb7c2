import type { OutboxEntry } from '@halyard/core'
import { ERR_BUFFERED, ERR_OK, ERR_UNKNOWN, RESULTS, resultInfo } from '@halyard/wire/hologram'
import type { ResultCode, ResultName } from '@halyard/wire/hologram'
import type { SendResult } from './types.ts'

class Result implements SendResult {
  readonly id: string
  readonly code: ResultCode
  readonly name: ResultName
  readonly description: string
  readonly ok: boolean
  readonly buffered: boolean

  constructor(id: string, code: ResultCode, description?: string) {
    const info = resultInfo(code)
    this.id = id
    this.code = code
    this.name = info.name
    this.description = description ?? info.description
    this.ok = code === ERR_OK
    this.buffered = code === ERR_BUFFERED
  }

  toString(): string {
    return this.description
  }
}

/** `description`: in place of the sentence of the code. */
export function resultOf(id: string, code: ResultCode, description?: string): SendResult {
  return new Result(id, code, description)
}

/**
 * The result of a message of which only the ledger knows: another process sent it, or it is long ago. The answer of a
 * raw peer is not in the ledger: `delivered` is what is said of it then.
 */
export function resultFromLedger(entry: OutboxEntry, delivered?: string): SendResult {
  if (entry.state === 'queued') return resultOf(entry.id, ERR_BUFFERED)
  if (entry.state === 'delivered') return resultOf(entry.id, ERR_OK, delivered)
  const refusal = RESULTS.find(({ name }) => name === entry.reason)
  if (refusal) return resultOf(entry.id, refusal.code)
  return resultOf(entry.id, ERR_UNKNOWN, `The message was dropped: ${entry.reason ?? 'no reason is known'}.`)
}

/** How many results are kept for whoever asks again with the same id. */
const KEPT_RESULTS = 1000

/** What became of the latest messages, with what the ledger does not keep: the words of the service. */
export class RecentResults {
  readonly #results = new Map<string, SendResult>()

  add(result: SendResult): void {
    this.#results.delete(result.id)
    this.#results.set(result.id, result)
    if (this.#results.size <= KEPT_RESULTS) return
    for (const oldest of this.#results.keys()) {
      this.#results.delete(oldest)
      return
    }
  }

  get(id: string): SendResult | undefined {
    return this.#results.get(id)
  }
}
