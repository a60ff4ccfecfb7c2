// The child of run-proof.ts: runs one proof and sends its verdict. Node ends a process in which nothing is left to
// wait for, also in the middle of an await, with code 13 and without a word; here that is told.
import { getActiveResourcesInfo } from 'node:process'
import { tsImport } from 'tsx/esm/api'

/** @param {{ about?: object, doing?: string, verdict?: object }} message */
const tell = (message) => new Promise((resolve) => process.send?.(message, resolve))

const [path = ''] = process.argv.slice(2)
process.on('beforeExit', () => {
  const left = getActiveResourcesInfo().join(', ')
  console.error(`the proof waits for something that nothing can bring any more (still there: ${left || 'nothing'})`)
  process.exit(13)
})

// What a proof started ends in its own listeners of 'exit'.
process.once('SIGTERM', () => process.exit(1))
process.once('SIGINT', () => process.exit(1))
process.once('disconnect', () => process.exit(1))
// A listener on the channel would keep the process alive.
process.channel?.unref()

const { proof } = await tsImport(path, import.meta.url)
const { name, claim, command } = proof
await tell({ about: { name, claim, command } })
await tell({ verdict: await attempt() })
// A proof that stops a disk for ever leaves those who wait for it waiting.
process.exit(0)

async function attempt() {
  try {
    return await proof.run((/** @type {string} */ doing) => void tell({ doing }))
  } catch (error) {
    console.error(error)
    return { passed: false, rows: [['error', error instanceof Error ? error.message : String(error)]] }
  }
}
