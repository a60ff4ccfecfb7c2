/// <reference lib="esnext.disposable" preserve="true" />
export { nodeClock } from './clock.ts'
export { nodeDisk } from './disk.ts'
export type { Disk, DiskFile } from '../disk.ts'
export { storageError } from './storage-error.ts'
export { readLog } from './log/reader.ts'
export type { ReadLogOptions } from './log/reader.ts'
export { SegmentLog } from './log/segment-log.ts'
export type { LogDamage, LogOptions, LogPosition, LogRecord, LogWaiter, Lsn } from './log/types.ts'
