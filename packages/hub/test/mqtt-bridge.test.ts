/** What Mosquitto's bridges mean by 0x80 in the protocol level: docs/protocols/mqtt.md §6.2. */
import { it } from 'vitest'
import { open, startHub, until } from './support.ts'

/** A raw connection: hexadecimal in and out, blanks where a reader wants them. */
async function raw(port: number): Promise<{ send(hex: string): void; got(hex: string): Promise<void> }> {
  const { socket } = await open(port)
  let all = ''
  socket.on('data', (chunk) => (all += chunk.toString('hex')))
  return {
    send: (hex) => void socket.write(Buffer.from(hex.replaceAll(' ', ''), 'hex')),
    got: (hex) => until(`${hex}, not ${all}`, () => all === hex.replaceAll(' ', '')),
  }
}

const CONNACK = '20020000'
const PINGRESP = 'd000'

it.each([
  ['3.1.1', '84', '100d 0004 4d515454'],
  ['3.1', '83', '100f 0006 4d5149736470'],
])('%s: a bridge has nothing of its own back, and RETAIN as it was published', async (_version, level, head) => {
  const { hub } = await startHub({ mqttAnonymous: true })
  const [bridge, other] = [await raw(hub.ports.mqtt ?? 0), await raw(hub.ports.mqtt ?? 0)]
  bridge.send(`${head} ${level} 02 003c 0001 62`)
  bridge.send('8206 0001 0001 61 00')
  await bridge.got(`${CONNACK} 9003 0001 00`)
  bridge.send('3004 0001 61 78 c000')
  await bridge.got(`${CONNACK} 9003 0001 00 ${PINGRESP}`)
  other.send('100d 0004 4d515454 04 02 003c 0001 63 3104 0001 61 79')
  await bridge.got(`${CONNACK} 9003 0001 00 ${PINGRESP} 3104 0001 61 79`)
})
