/**
 * The segment that is being written: one file, used until it is full or has failed, then never again.
 *
 * A file whose `fdatasync` failed is not synced again (the kernel may have dropped the pages and forgotten that it did);
 * its records are written anew into the next segment.
 */
import { join } from 'node:path'
import type { Disk, DiskFile } from '../../disk.ts'
import { SEGMENT_HEADER_BYTES, encodeSegmentHeader, sealRecords, segmentName, segmentSeed } from './format.ts'
import type { Lsn } from './types.ts'

export class SegmentWriter {
  readonly segment: number
  /** What is in the file for certain. */
  #length: number
  /** The directory knows the name for certain. */
  #named: boolean
  #usable = true
  readonly #file: DiskFile
  readonly #disk: Disk
  readonly #directory: string
  readonly #seed: number

  private constructor(disk: Disk, directory: string, segment: number, file: DiskFile, length: number, named: boolean) {
    this.#disk = disk
    this.#directory = directory
    this.segment = segment
    this.#file = file
    this.#length = length
    this.#named = named
    this.#seed = segmentSeed(segment)
  }

  static async create(
    disk: Disk,
    directory: string,
    head: { kind: string; segment: number; floor: Lsn },
  ): Promise<SegmentWriter> {
    const path = join(directory, segmentName(head.segment))
    const file = await disk.open(path, 'create')
    try {
      await file.write(encodeSegmentHeader(head), 0)
    } catch (error) {
      await quietly(file.close())
      await quietly(disk.unlink(path))
      throw error
    }
    return new SegmentWriter(disk, directory, head.segment, file, SEGMENT_HEADER_BYTES, false)
  }

  /** Goes on with the last segment of an earlier process, whose tail was checked and synced. */
  static async resume(disk: Disk, directory: string, segment: number, length: number): Promise<SegmentWriter> {
    const file = await disk.open(join(directory, segmentName(segment)), 'write')
    return new SegmentWriter(disk, directory, segment, file, length, true)
  }

  get length(): number {
    return this.#length
  }

  /** False after a failure that leaves it unknown what the file holds. */
  get usable(): boolean {
    return this.#usable
  }

  /** Writes a run of whole records and makes it last; gives the offset of the first. Throws if that is not certain. */
  async commit(records: Buffer): Promise<number> {
    const at = this.#length
    sealRecords(records, records.length, this.#seed)
    try {
      await this.#file.write(records, at)
    } catch (error) {
      this.#usable = await quietly(this.#file.truncate(at))
      throw error
    }
    try {
      await this.#file.sync()
      if (!this.#named) await this.#disk.syncDirectory(this.#directory)
    } catch (error) {
      this.#usable = false
      await quietly(this.#file.truncate(at))
      throw error
    }
    this.#named = true
    this.#length = at + records.length
    return at
  }

  /** Takes the file away, of which nothing was acknowledged. False if that fails. */
  remove(): Promise<boolean> {
    return quietly(this.#disk.unlink(join(this.#directory, segmentName(this.segment))))
  }

  close(): Promise<boolean> {
    this.#usable = false
    return quietly(this.#file.close())
  }
}

/** Whether it worked: for what is tried on the way out of a failure that is reported anyway. */
async function quietly(task: Promise<void>): Promise<boolean> {
  try {
    await task
    return true
  } catch {
    return false
  }
}
