// Loaded into the hub (`node --import`): tells the size of its heap on file descriptor 3, which nobody can see from
// outside, and ends it when whoever started it is gone.
import { writeSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'

const SECONDS = Number(process.env['SOAK_BEAT'] ?? '5')

if (isMainThread) {
  setInterval(() => {
    try {
      writeSync(3, `${process.memoryUsage().heapUsed}\n`)
    } catch {
      process.kill(process.pid, 'SIGKILL')
    }
  }, SECONDS * 1000).unref()
}
