/** How a message is shown: alone, with its topic, in a form of one's own, or as JSON. */
import { UsageError } from '@halyard/core'
import type { MqttMessage } from '@halyard/mqtt'
import { join, lineEnd, show, shownOn } from '../pubsub/show.ts'
import type { Terminal } from '../terminal.ts'
import { textOrBase64 } from '../text/text-or-base64.ts'
import { harmless } from '../text/width.ts'
import type { SubFlags } from './flags.ts'

export type Printer = (message: MqttMessage, at: Date) => void

/** @throws {UsageError} `ERR_USAGE` for a letter behind % that means nothing */
export function printerOf(flags: SubFlags, terminal: Terminal): Printer {
  if (flags.json === true) return (message, at) => terminal.print(JSON.stringify(jsonOf(message, at)))
  if (flags.format !== undefined) return formatted(flags.format, lineEnd(flags), terminal)
  return ({ topic, payload }) => show(topic, payload, flags, terminal.screen)
}

/** `{"topic":"a/b","text":"21.5","qos":1,"retain":false,"size":4,"received_at":"…"}`; what is not UTF-8 is `base64`. */
function jsonOf({ topic, payload, qos, retain, properties }: MqttMessage, at: Date): object {
  const { userProperties, contentType, responseTopic } = properties
  return {
    topic,
    ...textOrBase64(payload),
    qos,
    retain,
    size: payload.length,
    received_at: at.toISOString(),
    ...(contentType !== undefined && { content_type: contentType }),
    ...(responseTopic !== undefined && { response_topic: responseTopic }),
    ...(userProperties && { user_properties: userProperties }),
  }
}

type Part = (message: MqttMessage, at: Date) => Uint8Array | string

function formatted(format: string, end: string, { screen }: Terminal): Printer {
  const letters: Readonly<Record<string, Part>> = {
    '%': () => '%',
    t: ({ topic }) => harmless(topic),
    p: ({ payload }) => shownOn(screen, payload),
    x: ({ payload }) => Buffer.from(payload).toString('hex'),
    l: ({ payload }) => String(payload.length),
    q: ({ qos }) => String(qos),
    r: ({ retain }) => (retain ? '1' : '0'),
    I: (_, at) => at.toISOString(),
    U: (_, at) => (at.getTime() / 1000).toFixed(3),
    j: (message, at) => JSON.stringify(jsonOf(message, at)),
  }
  const parts = [...format.matchAll(/%(.?)|[^%]+/gsu)].map(([text, letter]): Part => {
    if (letter === undefined) return () => unescape(text)
    const part = letters[letter]
    if (part !== undefined) return part
    throw new UsageError('ERR_USAGE', `--format knows no %${letter}; it knows %${Object.keys(letters).join(', %')}`)
  })
  return (message, at) => screen.write(join([...parts.map((part) => part(message, at)), end]))
}

/** `\n` and `\t`, as a shell's quotes leave them. */
function unescape(text: string): string {
  return text.replaceAll('\\n', '\n').replaceAll('\\t', '\t').replaceAll('\\0', '\0')
}
