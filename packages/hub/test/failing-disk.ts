import { nodeDisk } from '@halyard/core/node'
import type { Disk, DiskFile } from '@halyard/core/node'

export type Fault = { readonly call: 'write' | 'sync'; readonly code: string } | undefined

/** The real disk (the index worker reads the same files), whose journal fails as long as it is told to. */
export class FailingDisk {
  fault: Fault
  /** ms that each sync takes longer. */
  delay = 0
  /** Holds every sync until it is settled. */
  gate: Promise<void> | undefined
  syncs = 0

  get disk(): Disk {
    const disk = nodeDisk()
    return {
      ...disk,
      open: async (path, how) => {
        if (path.endsWith('.log') && how === 'create') await this.#fails('write')
        const file = await disk.open(path, how)
        return path.endsWith('.log') ? this.#wrap(file) : file
      },
    }
  }

  #wrap(file: DiskFile): DiskFile {
    return {
      write: (bytes, position) => this.#fails('write') ?? file.write(bytes, position),
      sync: async () => {
        this.syncs++
        await this.gate
        if (this.delay > 0) await new Promise((resolve) => setTimeout(resolve, this.delay))
        await (this.#fails('sync') ?? file.sync())
      },
      read: (into, position) => file.read(into, position),
      truncate: (length) => file.truncate(length),
      size: () => file.size(),
      close: () => file.close(),
    }
  }

  #fails(call: 'write' | 'sync'): Promise<never> | undefined {
    if (this.fault?.call !== call) return undefined
    return Promise.reject(Object.assign(new Error(`${this.fault.code}: injected`), { code: this.fault.code }))
  }
}
