/** A hub's directory as files in memory, and what a byte of its journal belongs to. */
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { messageIn, payloadOf } from '../trace/workload.ts'
import type { Message } from '../trace/workload.ts'

export interface File {
  /** From the directory on. */
  readonly path: string
  readonly bytes: Buffer
}

export async function readDirectory(directory: string): Promise<readonly File[]> {
  const entries = await readdir(directory, { withFileTypes: true, recursive: true })
  const files = entries.filter((entry) => entry.isFile())
  return Promise.all(
    files.map(async ({ parentPath, name }) => {
      const path = join(parentPath, name)
      return { path: relative(directory, path), bytes: await readFile(path) }
    }),
  )
}

export async function writeDirectory(directory: string, files: readonly File[]): Promise<void> {
  await rm(directory, { recursive: true, force: true })
  for (const { path, bytes } of files) {
    await mkdir(dirname(join(directory, path)), { recursive: true })
    await writeFile(join(directory, path), bytes)
  }
}

/** Bytes up to the last that is not 0: segments may be longer than what is in them. */
export function usedBytes({ bytes }: File): number {
  let end = bytes.length
  while (end > 0 && bytes[end - 1] === 0) end--
  return end
}

/** The messages of a journal's file, by the end of what was written of each. */
export function messagesIn({ bytes }: File): readonly { readonly message: Message; readonly end: number }[] {
  const found: { message: Message; end: number }[] = []
  for (const { index, 0: mark } of bytes.toString('latin1').matchAll(/@M\d+-\d+@/g)) {
    const message = messageIn(mark)
    found.push({ message, end: index + payloadOf(message).length })
  }
  return found
}
