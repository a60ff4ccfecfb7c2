import { expect, it } from 'vitest'
import { MqttProtocolError, PacketReader } from '../../src/mqtt/index.ts'
import type { Packet, PacketReaderOptions } from '../../src/mqtt/index.ts'
import { collect } from './helpers.ts'

/**
 * What must be refused, in malformed*.test.ts: one case at least for every statement that a single packet can break, named
 * by the statements' identifiers. Each is fed whole and byte by byte. docs/protocols/mqtt-conformance.md names these titles.
 */

/** The bytes of a UTF-8 string field. */
export const text = (value: string): string => field(Buffer.from(value).toString('hex'))
export const field = (hex: string): string => (hex.length / 2).toString(16).padStart(4, '0') + hex

/** A packet of the first byte and its body, below 16,384 bytes. */
export function packet(first: string, ...body: readonly string[]): string {
  const bytes = body.join('')
  const length = bytes.length / 2
  const head = length < 128 ? [length] : [0x80 | (length & 0x7f), length >> 7]
  return first + Buffer.from(head).toString('hex') + bytes
}

export const props = (...body: readonly string[]): string =>
  (body.join('').length / 2).toString(16).padStart(2, '0') + body.join('')
export const user = (name: string, value: string): string => `26${text(name)}${text(value)}`
export const NAME: string = text('MQTT')
export const connect4 = (flags: string, ...payload: readonly string[]): string =>
  packet('10', NAME, '04', flags, '003c', ...payload)
export const connect5 = (flags: string, properties: string, ...payload: readonly string[]): string =>
  packet('10', NAME, '05', flags, '003c', properties, ...payload)

export interface Reading {
  readonly code?: string
  readonly reasonCode?: number
  readonly clause?: string
  readonly message?: string
  readonly packets: readonly Packet[]
}

export function read(hex: string, options: PacketReaderOptions, size: number): Reading {
  const packets: Packet[] = []
  const reader = new PacketReader(collect(packets), options)
  const bytes = Buffer.from(hex, 'hex')
  try {
    for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size))
  } catch (error) {
    if (!(error instanceof MqttProtocolError)) throw error
    const { code, reasonCode, clause, message } = error
    return { code, reasonCode, clause, message, packets }
  }
  return { packets }
}

/** The same for every way in which the bytes may come. Before 5.0 the reason code is not sent, but still told. */
export function refuses(
  title: string,
  hex: string,
  code: string,
  reasonCode: number,
  options: PacketReaderOptions,
): void {
  it(title, () => {
    const whole = read(hex, options, hex.length)
    expect(whole, title).toMatchObject({ code, reasonCode, packets: [] })
    expect(whole.message).toMatch(/^[\x20-\x7e§]{10,} \[.*\]$/)
    expect(read(hex, options, 1)).toEqual(whole)
  })
}
