/**
 * Names of one or two characters for a key and a channel. The broker keeps them for a connection; here they are known for
 * as long as the client, so that they are made again, and so that what is published by one never depends on it: the outbox
 * has the whole topic, and the name is written only into a connection that has it, with that meaning.
 */
import { UsageError, throwIfAborted } from '@halyard/core'
import type { EventBus, HalyardError, WaitOptions } from '@halyard/core'
import type { KeptPublish } from '@halyard/mqtt/engine'
import { encodeLinkRequest, formatChannel } from '@halyard/wire/emitter'
import type { LinkCall } from './calls.ts'
import { refusal } from './explain.ts'
import type { Deed } from './explain.ts'
import { checkChannel, checkKey } from './payload.ts'
import { isCutOff } from './requests.ts'
import type { Answered, Requests } from './requests.ts'
import type { EmitterEvents, LinkResult } from './types.ts'

interface Link {
  readonly name: string
  readonly key: string
  /** with its options */
  readonly channel: string
  readonly subscribe: boolean
}

export class Links {
  readonly #requests: Requests
  readonly #events: EventBus<EmitterEvents>
  readonly #links = new Map<string, Link>()
  /** What this connection has: name to topic. */
  readonly #live = new Map<string, string>()

  constructor(requests: Requests, events: EventBus<EmitterEvents>) {
    this.#requests = requests
    this.#events = events
  }

  async make({ key, channel, name, subscribe = false, ttl, me }: LinkCall, options: WaitOptions): Promise<LinkResult> {
    throwIfAborted(options.signal)
    if (typeof name !== 'string') {
      throw new UsageError('ERR_EMITTER_LINK', `the name of a link is one or two letters or digits, not ${typeof name}`)
    }
    const whole = formatChannel({ channel: checkChannel(channel), ttl, me })
    const link: Link = { name, key: checkKey(key), channel: whole, subscribe }
    const answered = await this.#ask(link, false, options)
    if ('failure' in answered) {
      this.#events.emit('link', answered.failure)
      throw refusal(answered.failure, deedOf(link))
    }
    this.#links.set(link.name, link)
    const result: LinkResult = { status: 200, name: answered.body.name, channel: answered.body.channel }
    this.#events.emit('link', result)
    return result
  }

  /** The topic that a link stands for. */
  topic(name: string): string | undefined {
    const link = this.#links.get(name)
    return link && topicOf(link)
  }

  /** The name, while this connection knows it, instead of the topic. */
  shorten({ topic, link }: KeptPublish): string {
    return link !== undefined && this.#live.get(link) === topic ? link : topic
  }

  down(): void {
    this.#live.clear()
  }

  /** On a new connection. Resolves when all are made, or have failed. */
  async again(): Promise<void> {
    await Promise.all(
      [...this.#links.values()].map(async (link) => {
        try {
          const answered = await this.#ask(link, true, {})
          if (!('failure' in answered)) return
          if (this.#links.get(link.name) === link) this.#links.delete(link.name)
          this.#events.emit('error', refusal(answered.failure, deedOf(link)))
        } catch (error) {
          if (!isCutOff(error)) this.#events.emit('error', error as HalyardError)
        }
      }),
    )
  }

  async #ask(link: Link, once: boolean, options: WaitOptions): Promise<Answered<'link'>> {
    // From now on the name may mean this or that.
    this.#live.delete(link.name)
    const answered = await this.#requests.ask('link', encodeLinkRequest(link), deedOf(link), { ...options, once })
    if ('body' in answered) this.#live.set(link.name, topicOf(link))
    return answered
  }
}

function topicOf({ key, channel }: Link): string {
  return `${key}/${channel}`
}

function deedOf({ name, channel, key }: Link): Deed {
  return { what: `link ${name} to ${channel}`, kind: 'link', key }
}
