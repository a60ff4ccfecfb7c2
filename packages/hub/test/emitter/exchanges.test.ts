/** The exchanges that were recorded from the original broker, byte for byte: docs/protocols/emitter.md §5. */
import { describe, it } from 'vitest'
import { exchange, hex, packet, publish0, publish1, text } from './bytes.ts'
import {
  ABC_KEY,
  ALL_KEY,
  BAD_REQUEST,
  FORBIDDEN,
  MASTER,
  NOT_FOUND,
  TEST_KEY,
  UNAUTHORIZED,
  startRecordedHub,
} from './support.ts'

describe('the bytes of the original', () => {
  it('V55, V56: CONNECT and PINGREQ', async () => {
    const { hub } = await startRecordedHub()
    const step = await exchange(hub.ports.front)
    await step(Buffer.from('c000', 'hex'), 'd000')
  })

  it('V59, V60, V61: what a request is refused with, on its own topic and before the PUBACK', async () => {
    const { hub } = await startRecordedHub()
    const step = await exchange(hub.ports.front)
    const failure = (status: number, message: string): string => `{"status":${status},"message":"${message}"}`
    const end = 'channel should end with `/` for strict types or `/#/` for wildcards'
    await step(
      publish1('emitter/keygen/', 2, `{"key":"${MASTER}","channel":"test","type":"rw","ttl":0}`),
      hex(publish0('emitter/keygen/', `{"req":2,"status":400,"message":"${end}"}`), Buffer.from([0x40, 2, 0, 2])),
    )
    const keygen = 'emitter/keygen/'
    await step(publish0(keygen, '{"key":"xyz","channel":"a/"}'), hex(publish0(keygen, failure(401, UNAUTHORIZED))))
    await step(publish0(keygen, '{oops'), hex(publish0(keygen, failure(400, BAD_REQUEST))))
    await step(publish0('emitter/nothing/', '{}'), hex(publish0('emitter/nothing/', failure(404, NOT_FOUND))))
    await step(publish0('emitter/keygen/x/', '{}'), hex(publish0('emitter/keygen/x/', failure(404, NOT_FOUND))))
    await step(publish0('emitter/Keygen/', '{}'), hex(publish0('emitter/Keygen/', failure(404, NOT_FOUND))))
    await step(publish0('Emitter/keygen/', '{}'), hex(publish0('emitter/error/', failure(401, UNAUTHORIZED))))
    await step(publish0('emitter/keygen', '{}'), hex(publish0('emitter/error/', failure(400, BAD_REQUEST))))
    await step(publish0(`${ALL_KEY}/a/+/`, 'x'), hex(publish0('emitter/error/', failure(403, FORBIDDEN))))
    await step(
      publish1(`${TEST_KEY}/other/`, 3, 'x'),
      hex(
        publish0('emitter/error/', `{"req":3,"status":401,"message":"${UNAUTHORIZED}"}`),
        Buffer.from([0x40, 2, 0, 3]),
      ),
    )
  })

  it('V63: SUBACK with a failure for each filter, the failures told before it', async () => {
    const { hub } = await startRecordedHub()
    const step = await exchange(hub.ports.front)
    const filters = [`${TEST_KEY}/test/`, 'nope/test/', `${ABC_KEY}/test/`]
    const told = publish0('emitter/error/', `{"req":28,"status":401,"message":"${UNAUTHORIZED}"}`)
    await step(
      packet(0x82, Buffer.from([0, 28]), ...filters.flatMap((filter) => [text(filter), Buffer.from([2])])),
      hex(told, told, Buffer.from('9005001c028080', 'hex')),
    )
  })

  it('V64: a message comes back to its publisher before the PUBACK, me=0 keeps it away', async () => {
    const { hub } = await startRecordedHub()
    const step = await exchange(hub.ports.front)
    const topic = `${TEST_KEY}/test/`
    await step(packet(0x82, Buffer.from([0, 1]), text(topic), Buffer.from([0])), '9003000100')
    await step(publish1(topic, 2, 'hello'), hex(publish0('test/', 'hello'), Buffer.from([0x40, 2, 0, 2])))
    await step(publish1(`${topic}?me=0`, 3, 'hello'), '40020003')
    // What the Python SDKs send: a bare question mark, and a trailing ampersand.
    await step(publish1(`${topic}?`, 4, 'x'), hex(publish0('test/', 'x'), Buffer.from([0x40, 2, 0, 4])))
    await step(packet(0x31, text(`${topic}?ttl=5&`), Buffer.from('r')), hex(publish0('test/', 'r')))
    // QoS 2 is a real handshake, where the original answers with PUBACK and clients wait for ever.
    await step(
      packet(0x34, text(topic), Buffer.from([0, 5]), Buffer.from('2')),
      hex(publish0('test/', '2'), Buffer.from([0x50, 2, 0, 5])),
    )
    await step(Buffer.from('62020005', 'hex'), '70020005')
  })

  it('V65: UNSUBSCRIBE with a key that is none', async () => {
    const { hub } = await startRecordedHub()
    const step = await exchange(hub.ports.front)
    await step(
      packet(0xa2, Buffer.from([0, 7]), text('bad/test/')),
      hex(
        publish0('emitter/error/', `{"req":7,"status":401,"message":"${UNAUTHORIZED}"}`),
        Buffer.from('b0020007', 'hex'),
      ),
    )
  })
})
