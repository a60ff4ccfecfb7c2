/** Who is there, and who comes and goes. Changes are watched again on every new connection. */
import { throwIfAborted } from '@halyard/core'
import type { EventBus, HalyardError, WaitOptions } from '@halyard/core'
import { encodePresenceRequest, formatChannel } from '@halyard/wire/emitter'
import type { PresenceStatus as StatusBody } from '@halyard/wire/emitter'
import type { PresenceCall } from './calls.ts'
import { refusal } from './explain.ts'
import type { Deed } from './explain.ts'
import { checkChannel, checkKey } from './payload.ts'
import { isCutOff } from './requests.ts'
import type { Requests } from './requests.ts'
import type { EmitterEvents, PresenceStatus } from './types.ts'

type Watched = Required<PresenceCall>

export class Presences {
  readonly #requests: Requests
  readonly #events: EventBus<EmitterEvents>
  /** Channels whose changes are watched. */
  readonly #watched = new Map<string, Watched>()

  constructor(requests: Requests, events: EventBus<EmitterEvents>) {
    this.#requests = requests
    this.#events = events
  }

  async ask(
    { key, channel, status = true, changes = true }: PresenceCall,
    options: WaitOptions,
  ): Promise<PresenceStatus> {
    throwIfAborted(options.signal)
    const call: Watched = {
      key: checkKey(key),
      channel: formatChannel({ channel: checkChannel(channel) }),
      status,
      changes,
    }
    const body = await this.#requests.get('presence', encodePresenceRequest(call), deedOf(call), options)
    if (changes) this.#watched.set(call.channel, call)
    else this.#watched.delete(call.channel)
    return this.#told(call, body)
  }

  /** On a new connection. Resolves when all are watched, or refused. */
  async again(): Promise<void> {
    await Promise.all([...this.#watched.values()].map((call) => this.#watch(call)))
  }

  async #watch(call: Watched): Promise<void> {
    try {
      const answered = await this.#requests.ask('presence', encodePresenceRequest(call), deedOf(call), { once: true })
      if ('body' in answered) {
        this.#told(call, answered.body)
        return
      }
      if (this.#watched.get(call.channel) === call) this.#watched.delete(call.channel)
      this.#events.emit('error', refusal(answered.failure, deedOf(call)))
    } catch (error) {
      if (!isCutOff(error)) this.#events.emit('error', error as HalyardError)
    }
  }

  #told(call: Watched, { time, channel, who }: StatusBody): PresenceStatus {
    // Asked for changes alone, brokers name no channel.
    const status: PresenceStatus = { event: 'status', time, channel: channel || call.channel, who: [...who] }
    if (call.status) this.#events.emit('presence', status)
    return status
  }
}

function deedOf({ channel, key }: PresenceCall): Deed {
  return { what: `tell who is on ${channel}`, kind: 'presence', key }
}
