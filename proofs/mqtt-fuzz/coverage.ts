/** Which parts of built modules a run reaches: V8's own counts, block by block. */
import { Session } from 'node:inspector/promises'
import type { Profiler } from 'node:inspector'
import { basename } from 'node:path'

export interface Coverage {
  /** Functions that are meant to be reached. */
  readonly functions: number
  /** `file:line function: text` of each function and block that was not. */
  readonly missed: readonly string[]
}

export interface CoverageWish {
  /** Modules that are looked at, by their address. */
  isMeant(url: string): boolean
  /** Functions of them that need not be reached. */
  isLeftOut(file: string, name: string): boolean
}

/** `run` must import the modules itself: V8 counts no blocks of what it has compiled before. */
export async function coverageOf(run: () => Promise<void>, wish: CoverageWish): Promise<Coverage> {
  const session = new Session()
  session.connect()
  try {
    await session.post('Profiler.enable')
    await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
    await run()
    const { result } = await session.post('Profiler.takePreciseCoverage')
    await session.post('Debugger.enable')
    const scripts = result.map((script) => ({ ...script, url: script.url.replace(/\?.*/, '') }))
    const total = { functions: 0, missed: [] as string[] }
    for (const script of scripts.filter(({ url }) => wish.isMeant(url))) {
      // As V8 has it: a loader may have changed what stands in the file.
      const { scriptSource } = await session.post('Debugger.getScriptSource', { scriptId: script.scriptId })
      const { functions, missed } = summary(script, scriptSource, wish)
      total.functions += functions
      total.missed.push(...missed)
    }
    return total
  } finally {
    session.disconnect()
  }
}

function summary({ url, functions: all }: Profiler.ScriptCoverage, source: string, wish: CoverageWish): Coverage {
  const file = basename(url)
  let functions = 0
  const missed: string[] = []
  for (const { functionName, ranges } of all) {
    if (wish.isLeftOut(file, functionName)) continue
    functions++
    for (const { startOffset, endOffset } of ranges.filter(({ count }) => count === 0)) {
      const text = source.slice(startOffset, endOffset).replaceAll(/\s+/g, ' ').trim()
      // What stands behind a `return` of all branches is the closing brace alone.
      if (text === '' || text === '}') continue
      const line = source.slice(0, startOffset).split('\n').length
      missed.push(`${file}:${line} ${functionName}: ${text.slice(0, 80)}`)
    }
  }
  return { functions, missed }
}
