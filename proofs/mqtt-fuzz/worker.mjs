// A thread that fuzzes the decoder, slice by slice, and tells what each slice found. Started by threads.ts.
import { parentPort, workerData } from 'node:worker_threads'
import { tsImport } from 'tsx/esm/api'

const { fuzzDecoder } = await tsImport('./decoder.ts', import.meta.url)
const { usedMemory } = await tsImport('./memory.ts', import.meta.url)

// Millions of errors are made here; where they were made is asked of none.
Error.stackTraceLimit = 0
for (const slice of workerData) {
  const found = fuzzDecoder(slice)
  parentPort?.postMessage({ found, memory: await usedMemory() })
}
