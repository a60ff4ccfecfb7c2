/** Which parts of built modules a run reaches: V8's own counts, block by block. */
import { Session } from 'node:inspector/promises'
import type { Profiler } from 'node:inspector'

export interface Coverage {
  /** Functions that are meant to be reached. */
  readonly functions: number
  /** `source: function: text` of each function and block that was not. */
  readonly missed: readonly string[]
}

export interface CoverageWish {
  /** Built files that are looked at, by their address. */
  isMeant(url: string): boolean
  /** Functions of them that need not be reached, by the path of their source in the package. */
  isLeftOut(source: string, name: string): boolean
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

function summary({ functions: all }: Profiler.ScriptCoverage, script: string, wish: CoverageWish): Coverage {
  // A built file names each module in front of what was made of it.
  const modules = [...script.matchAll(/^\/\/ (src\/\S+)$/gm)]
  let functions = 0
  const missed: string[] = []
  for (const { functionName, ranges } of all) {
    const start = ranges[0]?.startOffset ?? 0
    const source = modules.findLast(({ index }) => index <= start)?.[1]
    if (source === undefined || wish.isLeftOut(source, functionName)) continue
    functions++
    for (const { startOffset, endOffset } of ranges.filter(({ count }) => count === 0)) {
      const text = script.slice(startOffset, endOffset).replaceAll(/\s+/g, ' ').trim()
      // What stands behind a `return` of all branches is the closing brace alone.
      if (text === '' || text === '}') continue
      missed.push(`${source}: ${functionName}: ${text.slice(0, 80)}`)
    }
  }
  return { functions, missed }
}
