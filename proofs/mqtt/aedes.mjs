// Aedes over TCP, everything in memory, which is all it has by itself: `aedes.mjs MAIN`. Tells its parent the port.
import { createServer } from 'node:net'
import { pathToFileURL } from 'node:url'

const [main = ''] = process.argv.slice(2)
const { Aedes } = await import(pathToFileURL(main).href)
const aedes = await Aedes.createBroker()
const server = createServer({ noDelay: true }, aedes.handle)
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (address !== null && typeof address !== 'string') process.send?.(address.port)
})
