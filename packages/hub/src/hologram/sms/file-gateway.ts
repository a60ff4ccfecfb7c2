import { StorageError } from '@halyard/core'
import type { OutgoingSms, SmsBacklog, SmsGateway } from '../../domain/sms-gateway.ts'
import { smsRecord } from './record.ts'
import type { SmsFile } from './sms-file.ts'

/** Bytes of lines that wait for the disk; above, devices are told at once that it does not keep up. */
const MAX_WAITING = 16 * 1024 * 1024
/** Bytes of lines that are written together. */
const MAX_BATCH = 1024 * 1024

interface Line {
  readonly bytes: Buffer
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Writes SMS down for another program. What arrives while the disk is busy shares the next `fdatasync`. */
export class FileGateway implements SmsGateway {
  readonly #file: SmsFile
  #lines: Line[] = []
  #waitingBytes = 0
  #writing: Promise<void> | undefined
  #closed = false

  constructor(file: SmsFile) {
    this.#file = file
  }

  /** Who has been taken has left already. */
  get backlog(): SmsBacklog {
    return { queued: 0 }
  }

  take(sms: OutgoingSms): Promise<void> {
    if (this.#closed) return Promise.reject(new StorageError('ERR_HUB_CLOSED', 'the hub is closed; start it again'))
    const bytes = Buffer.from(`${smsRecord(sms)}\n`)
    if (this.#waitingBytes + bytes.length > MAX_WAITING) {
      const what = `${this.#waitingBytes} bytes of SMS wait for the disk`
      return Promise.reject(new StorageError('ERR_HUB_SMS_FILE', `${what}, which is too slow; use a faster one`))
    }
    this.#waitingBytes += bytes.length
    return new Promise((resolve, reject) => {
      this.#lines.push({ bytes, resolve, reject })
      this.#writing ??= this.#write()
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#writing
  }

  async #write(): Promise<void> {
    // One turn for those who come together.
    await Promise.resolve()
    while (this.#lines.length > 0) {
      const batch = this.#nextBatch()
      const bytes = Buffer.concat(batch.map((line) => line.bytes))
      try {
        await this.#file.append(bytes)
        for (const { resolve } of batch) resolve()
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
      this.#waitingBytes -= bytes.length
    }
    this.#writing = undefined
  }

  #nextBatch(): Line[] {
    let length = 0
    const end = this.#lines.findIndex(({ bytes }, index) => (length += bytes.length) > MAX_BATCH && index > 0)
    return this.#lines.splice(0, end < 0 ? this.#lines.length : end)
  }
}
