/** `backup.json`: what a backup holds. Written last, so that a directory without it is none. */
import { join } from 'node:path'
import { UsageError } from '@halyard/core'
import type { Disk } from '@halyard/core/node'
import type { Lsn } from '../../domain/ports.ts'
import { readJsonFile, writeFileAtomically } from '../../files.ts'

const MANIFEST_FILE = 'backup.json'

export interface BackupFile {
  /** Below the directory, with `/`. */
  readonly path: string
  readonly bytes: number
  readonly sha256: string
}

export interface BackupManifest {
  readonly version: 1
  readonly made_at: string
  /** Of the Halyard that made it. */
  readonly halyard: string
  /** The journal ends with this record. */
  readonly committed: Lsn
  readonly files: readonly BackupFile[]
}

export function writeManifest(disk: Disk, directory: string, manifest: BackupManifest): Promise<void> {
  return writeFileAtomically(disk, join(directory, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`)
}

/** @throws {UsageError} `ERR_HUB_BACKUP`: it is no backup. @throws {StorageError} `ERR_HUB_FILE`, `ERR_STORE_…` */
export async function readManifest(disk: Disk, directory: string): Promise<BackupManifest> {
  const manifest = await readJsonFile(disk, join(directory, MANIFEST_FILE), parseManifest)
  if (manifest) return manifest
  throw new UsageError(
    'ERR_HUB_BACKUP',
    `${directory} is no backup: it has no ${MANIFEST_FILE}, which halyard hub backup writes last; name the directory of a whole one`,
  )
}

function parseManifest(value: unknown): BackupManifest | undefined {
  const { version, made_at, halyard, committed, files } = value as Readonly<Record<string, unknown>>
  const isSound =
    version === 1 &&
    typeof made_at === 'string' &&
    typeof halyard === 'string' &&
    Number.isSafeInteger(committed) &&
    Array.isArray(files) &&
    files.every((file) => isFile(file))
  return isSound ? (value as BackupManifest) : undefined
}

/** Who writes a manifest of his own must not have files put anywhere by it. */
function isFile(value: unknown): boolean {
  const { path, bytes, sha256 } = (value ?? {}) as Readonly<Record<string, unknown>>
  const names = typeof path === 'string' ? path.split('/') : []
  return (
    names.length >= 1 &&
    names.length <= 2 &&
    names.every((name) => /^\w[\w.-]{0,63}$/.test(name)) &&
    Number.isSafeInteger(bytes) &&
    Number(bytes) >= 0 &&
    typeof sha256 === 'string' &&
    /^[0-9a-f]{64}$/.test(sha256)
  )
}
