/** Questions and answers over MQTT 5.0: response topic and correlation data, 5.0 §4.10. */
import { ConnectionError, UsageError, holdProcess } from '@halyard/core'
import type { Clock, Timer } from '@halyard/core'
import type { MqttMessage } from './message.ts'
import type { PublishOptions } from './publish-call.ts'
import type { SubscribeOptions, Subscription } from './subscription.ts'
import type { Receipt } from '@halyard/core'
import { withSignal } from './waiters.ts'

export interface RequestOptions extends Omit<PublishOptions, 'offline'> {
  /** seconds; 30 */
  timeout?: number
}

/** What the questions need of the client. */
export interface RequestHost {
  readonly clientId: string
  readonly clock: Clock
  /** of the connection; waits for one */
  version(): Promise<4 | 5>
  publish(topic: string, payload: string | Uint8Array, options: PublishOptions): Promise<Receipt>
  subscribe(filters: readonly string[], options: SubscribeOptions): Promise<Subscription>
  /** An answer is awaited, until the function given back is called. */
  expect(): () => void
}

interface Question {
  resolve(message: MqttMessage): void
  reject(error: Error): void
}

const text = new TextDecoder()
const bytes = new TextEncoder()

export class Requests {
  readonly #host: RequestHost
  readonly #open = new Map<string, Question>()
  #topicOfAnswers: string | undefined
  #listening: Promise<Subscription> | undefined
  #asked = 0
  #closedWith: Error | undefined

  constructor(host: RequestHost) {
    this.#host = host
  }

  /**
   * Nobody can guess a topic that answers come on, nor mix them with those of an earlier process. Made with the first question:
   * loading `crypto` takes Node.js 2 ms.
   */
  get #topic(): string {
    return (this.#topicOfAnswers ??= topicOfAnswers(this.#host.clientId))
  }

  async ask(
    topic: string,
    payload: string | Uint8Array,
    { timeout, signal, properties, ...control }: RequestOptions & { readonly timeout: number },
  ): Promise<MqttMessage> {
    if ((await withSignal(this.#host.version(), signal)) !== 5) {
      const what = 'questions with answers are of MQTT 5.0, and this connection speaks 3.1.1'
      throw new UsageError('ERR_MQTT_VERSION', `${what}; publish, and subscribe to a topic for the answers`)
    }
    await this.#listen(signal)
    if (this.#closedWith !== undefined) throw this.#closedWith
    const name = String(++this.#asked)
    const answer = this.#wait(name, topic, timeout)
    const asked = { ...properties, responseTopic: this.#topic, correlationData: bytes.encode(name) }
    const unexpect = this.#host.expect()
    const release = holdProcess()
    try {
      // The answer may be here before the acknowledgement, which may never come.
      const published = this.#host.publish(topic, payload, { expires: timeout, ...control, properties: asked, signal })
      return await withSignal(Promise.race([answer, published.then(() => answer)]), signal)
    } finally {
      release()
      unexpect()
      this.#open.get(name)?.reject(new Error('nobody waits any more'))
      this.#open.delete(name)
    }
  }

  /** No answer comes any more: the client is closed, or its connection over for good. */
  close(error: Error): void {
    this.#closedWith = error
    for (const question of this.#open.values()) question.reject(error)
  }

  #wait(name: string, topic: string, timeout: number): Promise<MqttMessage> {
    let timer: Timer | undefined
    const answer = new Promise<MqttMessage>((resolve, reject) => {
      this.#open.set(name, { resolve, reject })
      const message = `nobody answered the question on ${topic} within ${timeout} s`
      timer = this.#host.clock.setTimer(timeout * 1000, () =>
        reject(new ConnectionError('ERR_MQTT_NO_ANSWER', message)),
      )
    })
    const cancel = (): void => timer?.cancel()
    answer.then(cancel, cancel)
    return answer
  }

  /** One subscription for all answers, made with the first question. */
  async #listen(signal: AbortSignal | undefined): Promise<void> {
    this.#listening ??= this.#host.subscribe([this.#topic], { onMessage: (message) => this.#answered(message) })
    try {
      await withSignal(this.#listening, signal)
    } catch (error) {
      this.#listening = undefined
      throw error
    }
  }

  #answered(message: MqttMessage): void {
    const { correlationData } = message.properties
    const question = correlationData && this.#open.get(text.decode(correlationData))
    question?.resolve(message)
  }
}

function topicOfAnswers(clientId: string): string {
  const random = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, '0'))
  return `halyard/answers/${clientId.replaceAll(/[+#/\0]/gu, '-')}/${random.join('')}`
}
