/** `#dial` under Node.js: TCP at once, TLS and WebSocket when the first of their addresses is dialled. */
import type { Address } from '../address.ts'
import { Line } from '../line.ts'
import type { Open } from '../line.ts'
import type { Dial, DialOptions } from '../transport.ts'
import type { Explain } from './explain.ts'
import { explainFailure } from './failures.ts'
import { openTcp } from './tcp.ts'

/** What one read takes; bytes. libuv offers as much. */
const READ_BUFFER = 64 * 1024

export const dial: Dial = nodeDial()

/** All connections read into one array, which is nobody's after the call: a connection that is idle holds none. */
function nodeDial(): Dial {
  let readBuffer: Uint8Array | undefined
  return (address, options, events) => {
    readBuffer ??= new Uint8Array(READ_BUFFER)
    const buffer = readBuffer
    const explain: Explain = (error, phase) => explainFailure(error, address, phase)
    return new Line(
      () => openerOf(address, options, explain, buffer),
      (error) => explain(error, 'opening'),
      events,
    )
  }
}

function openerOf(address: Address, options: DialOptions, explain: Explain, buffer: Uint8Array): Open | Promise<Open> {
  switch (address.scheme) {
    case 'mqtt':
      return openTcp(address, explain, buffer)
    case 'mqtts':
      return import('./tls.ts').then(({ openTls }) => openTls(address, options.tls, explain, buffer))
    default:
      return import('./websocket.ts').then(({ openWebSocket }) => openWebSocket(address, options, explain))
  }
}
