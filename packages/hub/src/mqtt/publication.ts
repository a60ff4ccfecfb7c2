/** An application message that somebody must hold: a queue, the retained store, a will. On the way through it is none. */
export interface Publication {
  /** As subscribers see it. */
  readonly topic: string
  readonly payload: Uint8Array
  /** As it was published. */
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
  /** What 5.0 hands on unaltered (§3.3.2.3): payload format, content type, response topic, correlation data, user properties. */
  readonly properties: ForwardedProperties | undefined
  /** Monotonic ms; Infinity: never. */
  readonly expiresAt: number
  /** The session it came from, for No Local; `undefined`: the hub itself. */
  readonly from: object | undefined
  readonly receivedAt: Date
}

export interface ForwardedProperties {
  readonly payloadFormatIndicator?: 0 | 1
  readonly contentType?: string
  readonly responseTopic?: string
  readonly correlationData?: Uint8Array
  readonly userProperties?: readonly (readonly [name: string, value: string])[]
}
