/**
 * What comes in, as a loop: the process lives as long as the loop waits, and ends when it is told to.
 *
 *   npx tsx examples/hologram-receive.ts [port [how-many]]      echo -n hello | nc -N 127.0.0.1 4010
 */
import { CustomCloud } from '@halyard/hologram'

const [receivePort = '4010', count = 'Infinity'] = process.argv.slice(2)

await using cloud = new CustomCloud(null, { receiveHost: '127.0.0.1', receivePort })
await cloud.openReceiveSocket()
console.log(`listening on ${cloud.receiveHost}:${cloud.receivePort}`)

let left = Number(count)
for await (const { text, bytes, remoteAddress } of cloud.receivedMessages()) {
  console.log(`${remoteAddress} sent ${bytes.length} bytes: ${text}`)
  if (--left === 0) break
}
