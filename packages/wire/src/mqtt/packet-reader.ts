import { readBody } from './codec.ts'
import { MqttProtocolError } from './errors.ts'
import { badLength, connectedAlready, tooLarge, typeOf } from './fixed-header.ts'
import { copyBytes } from './output.ts'
import type { ControlPacket, ProtocolVersion } from './packet.ts'
import { readPublish } from './publish.ts'
import type { IncomingPublish } from './publish.ts'
import { ReadingDesk } from './reading-desk.ts'
import type { ReadingTerms } from './reading-desk.ts'
import { REASON } from './reason-codes.ts'
import { NO_TOPIC } from './topic-name.ts'
import type { TopicMemo, TopicName } from './topic-name.ts'

/** Called while `push` or `resume` runs. What it throws, `push` throws, and the reader reads no more. */
export interface PacketHandler {
  /** Valid until this returns: see {@link IncomingPublish}. */
  publish(packet: IncomingPublish): void
  /** Any other packet: it may be kept. */
  packet(packet: ControlPacket): void
}

/** Any number of readers may have the same object. */
export interface PacketReaderOptions extends ReadingTerms {
  /** Left out, the first packet must be the CONNECT that tells it. */
  readonly version?: ProtocolVersion
  /** bytes of a whole packet; 1 MiB */
  readonly maxPacketBytes?: number
  /** Topics decoded before, shared by any number of readers; only the last one is known if left out */
  readonly topics?: TopicMemo
  /** Shared by any number of readers, which are the smaller for it; one of its own if left out */
  readonly desk?: ReadingDesk
  /** Hands on what is no topic name, empty or with wildcards, for dialects that answer it; false */
  readonly anyTopic?: boolean
}

export const DEFAULT_MAX_PACKET_BYTES: number = 1024 * 1024

const NOTHING: Uint8Array = new Uint8Array(0)

/** Far more than arrives while a socket is told to pause. */
const MAX_PAUSED_BYTES = 1024 * 1024

/** bytes that a reader holds on to at most, when no packet is unfinished */
const SMALL = 256

/**
 * One direction of a connection: chunks of bytes come in, packets come out. Packets are read where they lie; only an
 * unfinished one is kept, in memory that grows as its bytes arrive, never as they are announced.
 * docs/protocols/mqtt.md §1
 *
 *     chunk   |…tail of A|   B   |      C      |   begin|ning of D
 *     kept               ^ copied, until A is whole     |^^^^^^ copied
 *
 * @example
 * ```ts
 * import { PacketReader } from '@halyard/wire/mqtt'
 * const reader = new PacketReader(
 *   { publish: (p) => console.log(p.topic.text, p.payload().length), packet: (p) => console.log(p.type) },
 *   { version: 4 },
 * )
 * reader.push(Uint8Array.of(0xc0, 0, 0x30, 4, 0, 1, 0x61))
 * reader.push(Uint8Array.of(0x21)) // pingreq, then: a 1
 * ```
 */
export class PacketReader {
  /** Changed at any time, for the packets that follow; a server begins smaller, for CONNECT. */
  maxPacketBytes: number
  anyTopic: boolean

  readonly #handler: PacketHandler
  readonly #options: PacketReaderOptions
  #desk: ReadingDesk
  #version: ProtocolVersion | undefined
  /** Of the PUBLISH before. */
  #topic: TopicName = NO_TOPIC
  #connected = false
  /** A length with needless bytes before the version was known: 5.0 forbids it, the others do not. */
  #longLength = false
  #state: 'reading' | 'paused' | 'stopped' = 'reading'
  /** The first `#length` bytes of `#kept` are an unfinished packet, or what was pushed while paused. */
  #kept = NOTHING
  #length = 0
  /** What `#header` found. */
  #bodyAt = 0
  #bodyEnd = 0

  constructor(handler: PacketHandler, options: PacketReaderOptions = {}) {
    this.#handler = handler
    this.maxPacketBytes = options.maxPacketBytes ?? DEFAULT_MAX_PACKET_BYTES
    this.anyTopic = options.anyTopic ?? false
    this.#options = options
    this.#desk = options.desk ?? new ReadingDesk()
    this.#version = options.version
  }

  /** Known from the options, or as soon as a CONNECT told it, even one that was refused for something else. */
  get version(): ProtocolVersion | undefined {
    return this.#version
  }

  /** Bytes that are held: of an unfinished packet, or pushed while paused. */
  get held(): number {
    return this.#length
  }

  /**
   * Reads what arrived. Throws `MqttProtocolError` for what the standard forbids, and reads nothing more after that. The
   * chunk is the caller's again when this returns. Not to be called by the handler.
   */
  push(chunk: Uint8Array): void {
    if (this.#state === 'stopped') return
    if (this.#state === 'paused') {
      this.#keepPaused(chunk)
      return
    }
    if (this.#desk.isTaken) this.#desk = new ReadingDesk()
    const desk = this.#desk
    desk.take(this.#version, this.#options, this.#topic)
    try {
      let at = 0
      if (this.#length > 0) at = this.#complete(chunk)
      if (this.#length === 0) {
        at = this.#walk(chunk, at, chunk.length)
        if (at < chunk.length && !this.#stopped()) this.#keep(chunk, at, chunk.length)
      }
    } catch (error) {
      this.stop()
      throw error
    } finally {
      this.#version = desk.cursor.version
      this.#topic = desk.leave()
    }
  }

  /**
   * Hands out no packet behind the present one until `resume`: a server does so while it thinks about a CONNECT. What is
   * pushed meanwhile is kept, up to 1 MiB: stop reading from the socket.
   */
  pause(): void {
    if (this.#state === 'reading') this.#state = 'paused'
  }

  /** Reads what was kept, then goes on. Throws as `push` does. */
  resume(): void {
    if (this.#state !== 'paused') return
    this.#state = 'reading'
    const kept = this.#kept.subarray(0, this.#length)
    // What is read now must not be written over by its own rest.
    this.#kept = NOTHING
    this.#length = 0
    this.push(kept)
  }

  /** Reads no more and lets go of everything. */
  stop(): void {
    this.#state = 'stopped'
    this.#kept = NOTHING
    this.#length = 0
  }

  #keepPaused(chunk: Uint8Array): void {
    if (this.#length + chunk.length > MAX_PAUSED_BYTES) {
      this.stop()
      throw new MqttProtocolError(
        'ERR_MQTT_LIMIT',
        REASON.quotaExceeded,
        '5.0 §4.13',
        `more than ${MAX_PAUSED_BYTES} bytes came while the reader was paused`,
      )
    }
    this.#keep(chunk, 0, chunk.length)
  }

  /** The handler may have stopped it meanwhile. */
  #stopped(): boolean {
    return this.#state === 'stopped'
  }

  /** Reads whole packets in `bytes[from, end)`; returns where it stopped. */
  #walk(bytes: Uint8Array, from: number, end: number): number {
    let at = from
    while (at < end && this.#state === 'reading') {
      if (!this.#header(bytes, at, end) || this.#bodyEnd > end) break
      const next = this.#bodyEnd
      this.#read(bytes, bytes[at]!, this.#bodyAt, next)
      at = next
    }
    return at
  }

  /** Adds to the unfinished packet until it is whole, and reads it; returns how much of the chunk that took. */
  #complete(chunk: Uint8Array): number {
    let at = 0
    // The header first, byte by byte: it tells how many more belong to the packet.
    while (!this.#header(this.#kept, 0, this.#length)) {
      if (at === chunk.length) return at
      this.#keep(chunk, at, ++at)
    }
    const missing = this.#bodyEnd - this.#length
    const part = Math.min(missing, chunk.length - at)
    this.#keep(chunk, at, at + part)
    if (part < missing) return at + part
    const bytes = this.#kept
    this.#drop()
    this.#read(bytes, bytes[0]!, this.#bodyAt, this.#bodyEnd)
    return at + part
  }

  /**
   * Finds where the body at `at` begins and ends: false while the header is not whole. Checks what the header alone can
   * tell, so that a peer that speaks something else is told at once.
   */
  #header(bytes: Uint8Array, at: number, end: number): boolean {
    const first = bytes[at]!
    // PUBLISH is checked when it is read: whole ones are the many.
    if (first >> 4 !== 3 || this.#version === undefined) typeOf(first, this.#version, this.#options.receiver)
    if (at + 1 >= end) return false
    const byte = bytes[at + 1]!
    let bodyAt = at + 2
    let length = byte
    if (byte > 0x7f) {
      length = byte & 0x7f
      for (let shift = 7; ; shift += 7) {
        // 5.0 §1.5.5, 3.1.1 §2.2.3: at most four bytes.
        if (shift > 21) throw badLength('the remaining length has more than four bytes')
        if (bodyAt >= end) return false
        const next = bytes[bodyAt++]!
        length |= (next & 0x7f) << shift
        if (next > 0x7f) continue
        if (next === 0) this.#checkLongLength()
        break
      }
    }
    this.#bodyAt = bodyAt
    this.#bodyEnd = bodyAt + length
    const size = bodyAt - at + length
    if (size > this.maxPacketBytes) throw tooLarge(size, this.maxPacketBytes)
    return true
  }

  /** Before 5.0 a length may have more bytes than it needs: the standard does not say that it may not. */
  #checkLongLength(): void {
    if (this.#version === 5) throw badLength('the remaining length has more bytes than it needs')
    this.#longLength = this.#version === undefined
  }

  #read(bytes: Uint8Array, first: number, at: number, end: number): void {
    const { cursor, view } = this.#desk
    if (first >> 4 === 3) {
      const { topics } = this.#options
      readPublish(view, cursor, first, bytes, at, end, topics, this.anyTopic)
      this.#handler.publish(view)
      return
    }
    const type = typeOf(first, cursor.version, cursor.receiver)
    if (type === 'connect' && this.#connected) throw connectedAlready()
    cursor.point(bytes, at, end)
    const packet = readBody(type as ControlPacket['type'], cursor)
    if (type === 'connect') {
      this.#connected = true
      this.#version = cursor.version
      if (this.#longLength && this.#version === 5) this.#checkLongLength()
    }
    this.#handler.packet(packet)
  }

  /** Keeps a copy: the chunk is the caller's, and a small part of it would hold all of its memory. */
  #keep(chunk: Uint8Array, at: number, end: number): void {
    const length = this.#length + end - at
    if (length > this.#kept.length) {
      const kept = new Uint8Array(Math.max(length, 2 * this.#length, SMALL))
      kept.set(this.#kept.subarray(0, this.#length))
      this.#kept = kept
    }
    this.#length = copyBytes(chunk, at, end, this.#kept, this.#length)
  }

  /** A small array stays for the next unfinished packet: most are, and making one costs more than filling it. */
  #drop(): void {
    if (this.#kept.length > SMALL) this.#kept = NOTHING
    this.#length = 0
  }
}
