/// <reference lib="esnext.disposable" preserve="true" />
export { nodeClock } from './clock.ts'
export { loadConfig, numberSetting, parseConfigText, portSetting, readConfigFile, textSetting } from './config.ts'
export type { Config, ConfigSources, Setting, Settings } from './config.ts'
export { nodeDisk } from './disk.ts'
export type { Disk, DiskFile } from '../disk.ts'
export { storageError } from './storage-error.ts'
export { logFiles } from './log/files.ts'
export type { LogFile, LogFilesOptions } from './log/files.ts'
export { readLog } from './log/reader.ts'
export type { ReadLogOptions } from './log/reader.ts'
export { SegmentLog } from './log/segment-log.ts'
export type {
  LogCommit,
  LogDamage,
  LogListener,
  LogOptions,
  LogPosition,
  LogRecord,
  LogWaiter,
  Lsn,
} from './log/types.ts'
