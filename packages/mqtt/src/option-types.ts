/** Options as a program without types may pass them: what is wrong is said at once, and not when CONNECT is written. */
import { UsageError } from '@halyard/core'

type Is = (value: unknown) => boolean

const isText: Is = (value) => typeof value === 'string'
const isSwitch: Is = (value) => typeof value === 'boolean'
const isObject: Is = (value) => typeof value === 'object' && value !== null
const isContent: Is = (value) => isText(value) || value instanceof Uint8Array
const isPair: Is = (value) => Array.isArray(value) && value.length === 2 && value.every(isText)

const TYPES: Readonly<Record<string, readonly [is: Is, what: string]>> = {
  clientId: [isText, 'a text'],
  username: [isText, 'a text'],
  password: [isContent, 'text or bytes'],
  clean: [isSwitch, 'true or false'],
  topicAliases: [isSwitch, 'true or false'],
  userProperties: [(value) => Array.isArray(value) && value.every(isPair), 'a list of pairs of texts'],
  will: [isObject, 'an object with a topic'],
  authentication: [isAuthentication, 'an object with method, begin() and answer()'],
  tls: [isObject, 'an object: ca, cert, key, servername, rejectUnauthorized'],
  reconnect: [(value) => isSwitch(value) || isObject(value), 'true, false, or { base, cap }'],
  outbox: [isObject, 'an Outbox, or the options of one'],
  destination: [isText, 'a text'],
}

/** @throws {UsageError} `ERR_USAGE` */
export function checkTypes(options: { readonly will?: object }): void {
  if (!isObject(options)) throw new UsageError('ERR_USAGE', 'options are an object')
  check(TYPES, options, '')
  const { will } = options
  if (will !== undefined) check(WILL_TYPES, will, 'will.')
}

const WILL_TYPES = {
  payload: [isContent, 'text or bytes'],
  retain: [isSwitch, 'true or false'],
  properties: [isObject, 'an object'],
} as const

function check(types: Readonly<Record<string, readonly [Is, string]>>, options: object, prefix: string): void {
  for (const [name, [is, what]] of Object.entries(types)) {
    const value: unknown = (options as Readonly<Record<string, unknown>>)[name]
    // Which may be a password: it is not shown.
    if (value !== undefined && !is(value)) throw new UsageError('ERR_USAGE', `${prefix}${name} is ${what}`)
  }
}

function isAuthentication(value: unknown): boolean {
  if (!isObject(value)) return false
  const { method, begin, answer } = value as Readonly<Record<string, unknown>>
  return isText(method) && typeof begin === 'function' && typeof answer === 'function'
}
