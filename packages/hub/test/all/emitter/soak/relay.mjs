// A process between clients and the hub: `node relay.mjs PORT` prints the port that it listens on. To the hub its death is
// the death of a client's process, since the system closes all that it had.
import { connect, createServer } from 'node:net'

const server = createServer({ noDelay: true }, (client) => {
  const hub = connect({ port: Number(process.argv[2]), host: '127.0.0.1', noDelay: true })
  for (const [from, to] of [
    [client, hub],
    [hub, client],
  ]) {
    from.on('error', () => to.destroy())
    from.pipe(to)
  }
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
