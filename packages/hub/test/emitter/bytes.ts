/** Packets byte for byte, and what came back for them. */
import { expect } from 'vitest'
import { RawClient } from '../mqtt/raw-client.ts'

export const text = (value: string): Buffer => {
  const bytes = Buffer.from(value)
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes])
}
export const packet = (first: number, ...parts: readonly Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts)
  const length = body.length < 128 ? [body.length] : [(body.length & 127) | 128, body.length >> 7]
  return Buffer.concat([Buffer.from([first, ...length]), body])
}
export const publish0 = (topic: string, payload: string): Buffer => packet(0x30, text(topic), Buffer.from(payload))
export const publish1 = (topic: string, id: number, payload: string): Buffer =>
  packet(0x32, text(topic), Buffer.from([0, id]), Buffer.from(payload))
const CONNECT = '101300044d5154540402001e0007656d6974746572'

/** Sends bytes, and gives as many back as are expected. */
export async function exchange(
  port: number,
): Promise<(sent: Uint8Array, answer: string, what?: string) => Promise<void>> {
  const client = await RawClient.open(port)
  const { socket } = client
  let came = Buffer.alloc(0)
  let wake = (): void => {}
  socket.removeAllListeners('data')
  socket.on('data', (chunk) => {
    came = Buffer.concat([came, chunk])
    wake()
  })
  const step = async (sent: Uint8Array, answer: string, what?: string): Promise<void> => {
    socket.write(sent)
    while (came.length < answer.length / 2) await new Promise<void>((resolve) => (wake = resolve))
    expect(came.toString('hex'), what).toBe(answer)
    came = Buffer.alloc(0)
  }
  await step(Buffer.from(CONNECT, 'hex'), '20020000')
  return step
}
export const hex = (...packets: readonly Uint8Array[]): string => Buffer.concat(packets).toString('hex')
