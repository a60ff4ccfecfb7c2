import type { BackupOptions } from '@halyard/hub'
import type { Context } from '../../context.ts'
import { Interruption } from '../../interrupt.ts'
import { StatusLine } from '../../status-line.ts'
import { formatBytes } from '../../text/units.ts'
import type { AdminFlags } from '../admin/flags.ts'
import { hubLogger } from '../log.ts'
import { readHubPlace } from '../options.ts'

type Working = Pick<BackupOptions, 'data' | 'config' | 'logger' | 'signal' | 'onProgress'>

/** Runs it with a line that tells how far it is; `undefined`: it was interrupted, and nothing is left. */
export async function working<T>(
  verb: string,
  flags: AdminFlags,
  { terminal }: Context,
  run: (options: Working) => Promise<T>,
): Promise<{ readonly result: T } | { readonly exitCode: number }> {
  const place = await readHubPlace(flags, terminal.environment)
  let [done, total] = [0, 0]
  using status = new StatusLine(terminal, () => {
    const share = total === 0 ? 0 : Math.floor((100 * done) / total)
    return `${verb}: ${formatBytes(done)} of ${formatBytes(total)} (${share} %)`
  })
  using interruption = new Interruption(terminal)
  try {
    const result = await run({
      ...place,
      logger: hubLogger((line) => status.error(line), terminal.environment),
      signal: interruption.signal,
      onProgress: (...now) => ([done, total] = now),
    })
    return { result }
  } catch (error) {
    const { exitCode } = interruption
    if (exitCode === undefined || (error as { code?: unknown }).code !== 'ERR_ABORTED') throw error
    return { exitCode }
  }
}
