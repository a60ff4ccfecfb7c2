/** Topic names and filters as texts of levels: MQTT 5.0 §4.7. Their validity is the codec's affair (`wire/mqtt`). */

export function hasWildcard(filter: string): boolean {
  return filter.includes('+') || filter.includes('#')
}

/** Topics that begin with `$` are the server's own: a wildcard in the first level passes them by ([MQTT-4.7.2-1]). */
export function isServerTopic(topic: string): boolean {
  return topic.charCodeAt(0) === DOLLAR
}

/**
 * Whether `filter` from `filterAt` on fits `topic` from `topicAt` on; both at the begin of a level. `topicAt` is one
 * behind the end when the topic has no further level: then only `#` fits, which stands for the parent too (§4.7.1.2).
 */
export function fits(filter: string, filterAt: number, topic: string, topicAt: number): boolean {
  let f = filterAt
  let t = topicAt
  for (;;) {
    const first = filter.charCodeAt(f)
    if (first === HASH) return true
    if (t > topic.length) return false
    const end = endOfLevel(topic, t)
    if (first === PLUS) {
      f++
    } else {
      const length = end - t
      if (!filter.startsWith(topic.slice(t, end), f) || !isEndOfLevel(filter, f + length)) return false
      f += length
    }
    t = end + 1
    if (f >= filter.length) return t > topic.length
    f++
  }
}

/** The index of the `/` that ends the level which begins at `at`, or the length. */
export function endOfLevel(text: string, at: number): number {
  const slash = text.indexOf('/', at)
  return slash < 0 ? text.length : slash
}

function isEndOfLevel(text: string, at: number): boolean {
  return at === text.length || text.charCodeAt(at) === SLASH
}

const PLUS = 0x2b
const HASH = 0x23
const SLASH = 0x2f
const DOLLAR = 0x24
