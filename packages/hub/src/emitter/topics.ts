import { parseChannel, parseTopic } from '@halyard/wire/emitter'
import type { EmitterChannel, EmitterTopic } from '@halyard/wire/emitter'

/** Segments of a channel. The original has no limit but the packet's, and an index is walked level by level. */
const MAX_SEGMENTS = 128

/** `key/channel/?options`; `undefined` for anything else. */
export function readTopic(text: string): EmitterTopic | undefined {
  const topic = parseTopic(text)
  return 'problem' in topic || topic.segments.length > MAX_SEGMENTS ? undefined : topic
}

/** `channel/?options`; `undefined` for anything else. */
export function readChannel(text: string): EmitterChannel | undefined {
  const channel = parseChannel(text)
  return 'problem' in channel || channel.segments.length > MAX_SEGMENTS ? undefined : channel
}
