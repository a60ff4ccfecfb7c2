/** The public rule of the cloud is "fewer than 32 characters". */
export const MAX_TOPIC_CHARACTERS = 31
/** Ours: a message with more topics than this is a mistake. */
export const MAX_TOPICS = 32

// The public rule also forbids spaces, and the examples of both documents have them: they are taken.
// Control characters, and halves of a surrogate pair, which no UTF-8 text can hold, are not.
// oxlint-disable-next-line no-control-regex
const FORBIDDEN = /[\u0000-\u001f\u007f-\u009f]|\p{Surrogate}/u

/** The topics of a message as a list, or what is wrong with them. docs/protocols/hologram.md §3.5 */
export function readTopics(value: unknown): { readonly topics: readonly string[] } | { readonly problem: string } {
  const topics: readonly unknown[] | undefined =
    typeof value === 'string' ? [value] : Array.isArray(value) ? value : undefined
  if (topics === undefined) return { problem: 'topics are one string or a list of strings' }
  if (topics.length > MAX_TOPICS) return { problem: `a message has at most ${MAX_TOPICS} topics` }
  for (const [index, topic] of topics.entries()) {
    const problem = topicProblem(topic)
    if (problem !== undefined) return { problem: `topic ${index + 1} ${problem}` }
  }
  return { topics: topics as readonly string[] }
}

function topicProblem(topic: unknown): string | undefined {
  if (typeof topic !== 'string') return 'is not a string'
  if (topic === '') return 'is empty'
  // UTF-16 units are never fewer than characters: only a long one needs the slow count.
  const long = topic.length > MAX_TOPIC_CHARACTERS && Array.from(topic.slice(0, 64)).length > MAX_TOPIC_CHARACTERS
  if (long) return `is longer than ${MAX_TOPIC_CHARACTERS} characters`
  return FORBIDDEN.test(topic) ? 'holds a control character' : undefined
}
