/** A webhook that answers as the test says, and the gateway in front of it without a hub. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { nodeClock } from '@halyard/core/node'
import { FaultDisk } from '@halyard/testkit'
import { onTestFinished } from 'vitest'
import type { OutgoingSms, SmsGateway } from '../../src/domain/sms-gateway.ts'
import type { WebhookConfig } from '../../src/hologram/sms/config.ts'
import { openSmsGateway } from '../../src/hologram/sms/open-gateway.ts'
import type { SmsGatewayParts } from '../../src/hologram/sms/open-gateway.ts'
import { RecordingLogger } from '../support.ts'

export interface Received {
  readonly method: string | undefined
  readonly path: string | undefined
  readonly headers: IncomingHttpHeaders
  readonly raw: string
  readonly body: { readonly id: string; readonly text: string; readonly [key: string]: unknown }
}

export type Answer = (response: ServerResponse, request: Received) => void

export const status =
  (code: number, headers: Readonly<Record<string, string>> = {}): Answer =>
  (response) =>
    response.writeHead(code, headers).end()

export class TestWebhook {
  readonly requests: Received[] = []
  answer: Answer = status(204)
  readonly #server = createServer((request, response) => void this.#handle(request, response))

  static async listen(): Promise<TestWebhook> {
    const webhook = new TestWebhook()
    webhook.#server.listen(0, '127.0.0.1')
    await once(webhook.#server, 'listening')
    onTestFinished(() => webhook.close())
    return webhook
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/in`
  }

  get texts(): string[] {
    return this.requests.map(({ body }) => body.text)
  }

  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let raw = ''
    for await (const chunk of request) raw += String(chunk)
    const { method, url: path, headers } = request
    const received: Received = { method, path, headers, raw, body: JSON.parse(raw) as Received['body'] }
    this.requests.push(received)
    this.answer(response, received)
  }
}

let count = 0

export function sms(text: string, destination = '+11234567890'): OutgoingSms {
  const receivedAt = new Date(Date.UTC(2026, 0, 2, 3, 4, 5))
  return { id: `id-${++count}`, cloudId: 'ab12', destination, text, receivedAt }
}

export const WEBHOOK: Omit<WebhookConfig, 'url'> = { timeout: 10, maxAge: 86_400, queued: 1000 }

export interface TestGateway {
  readonly gateway: SmsGateway
  readonly log: RecordingLogger
}

/** On a disk that forgets, unless another is given; closed when the test is over, if it is not to be left alone. */
export async function openGateway({
  left = false,
  ...parts
}: Partial<SmsGatewayParts> & { readonly left?: boolean }): Promise<TestGateway> {
  const log = new RecordingLogger()
  const gateway = await openSmsGateway({
    config: {},
    directory: undefined,
    userAgent: 'halyard-hub/test',
    disk: new FaultDisk(),
    clock: nodeClock(),
    logger: log,
    ...parts,
  })
  if (!left) onTestFinished(() => gateway.close())
  return { gateway, log }
}

export const everything = (log: RecordingLogger): string =>
  log.lines.map(({ message, object }) => `${message} ${JSON.stringify(object)}`).join('\n')
