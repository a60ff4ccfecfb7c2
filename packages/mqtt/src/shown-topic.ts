/** Of a topic so many characters are shown: one may have 64 KiB, and errors go into logs. */
const SHOWN = 80

/** A topic, or whatever stood in its place, as errors show it. */
export function shownTopic(topic: unknown): string {
  const isLong = typeof topic === 'string' && topic.length > SHOWN
  return `${JSON.stringify(isLong ? topic.slice(0, SHOWN) : topic)}${isLong ? '…' : ''}`
}
