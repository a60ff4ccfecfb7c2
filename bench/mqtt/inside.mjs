// Loaded into the hub that is measured (`node --expose-gc --import inside.mjs`): says what only the process itself can see.
process.on('message', () => {
  globalThis.gc()
  const { heapUsed, external } = process.memoryUsage()
  const timers = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
  process.send({ timers, heap: heapUsed, external })
})
process.channel?.unref()
