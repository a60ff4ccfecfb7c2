// Aedes over TCP and TLS: `aedes-server.mjs MAIN CERTIFICATE KEY`. Tells its parent the ports.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { pathToFileURL } from 'node:url'

const [main, cert, key] = process.argv.slice(2)
const { Aedes } = await import(pathToFileURL(main).href)
const aedes = await Aedes.createBroker()
const listen = (server) => new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)))
const tcp = await listen(createServer({ noDelay: true }, aedes.handle))
const tls = await listen(
  createTlsServer({ cert: readFileSync(cert), key: readFileSync(key), noDelay: true }, aedes.handle),
)
process.send({ tcp, tls })
