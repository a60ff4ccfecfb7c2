import type { EmitterTopic } from './topic.ts'

/** What a client may ask of the broker, on `emitter/<name>/`. docs/protocols/emitter.md §2 */
export type RequestName = 'keygen' | 'keyban' | 'presence' | 'link' | 'me' | 'history'

export const REQUEST_NAMES: readonly RequestName[] = ['keygen', 'keyban', 'presence', 'link', 'me', 'history']

/** It stands where other topics have a key. */
export const REQUEST_KEY = 'emitter'

/** Failures of publish, subscribe and unsubscribe; those of requests come on the topic of the request. */
export const ERROR_TOPIC = 'emitter/error/'

/** `emitter/keygen/` */
export function requestTopic(name: RequestName): string {
  return `${REQUEST_KEY}/${name}/`
}

/**
 * What a topic whose key is {@link REQUEST_KEY} asks for; `undefined` is to be answered with `not-found`. Names are
 * case-sensitive, and a second segment makes another name.
 */
export function requestOf(topic: EmitterTopic): RequestName | undefined {
  if (topic.key !== REQUEST_KEY || topic.segments.length !== 1) return undefined
  return REQUEST_NAMES.find((name) => name === topic.segments[0])
}
