/** The webhook: what it is sent, what its answers mean, and what is kept while it does not answer. */
import { createHmac } from 'node:crypto'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { nodeDisk } from '@halyard/core/node'
import { FaultDisk, FaultProxy, VirtualClock } from '@halyard/testkit'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { TestHub } from '../support.ts'
import { send, startHub, temporaryDirectory, until } from '../support.ts'
import { TestWebhook, WEBHOOK, everything, openGateway, sms, status } from './support.ts'

function hubWith(url: string, more: object = {}, data?: string): Promise<TestHub> {
  const config = JSON.stringify({ hologram: { sms: { webhook: { url, ...more } } } })
  return startHub({ config, ...(data !== undefined && { data }) })
}

async function backlogOf({ hub }: TestHub): Promise<{ queued: number; oldest?: string }> {
  const response = await fetch(`http://127.0.0.1:${hub.ports.front}/health`)
  const { services } = (await response.json()) as {
    services: { hologram: { sms: { queued: number; oldest?: string } } }
  }
  return services.hologram.sms
}

describe('a webhook', () => {
  it('gets an SMS in one request', async () => {
    const webhook = await TestWebhook.listen()
    const { hub, port, id, key } = await hubWith(webhook.url)
    const live = hub.messages()
    expect(await send(port, `S${id}${key}+11234567890 Ahoi!\r\r`)).toBe('00')
    await until('the request', () => webhook.requests.length > 0)
    const { value: message } = await live.next()
    const [request] = webhook.requests
    expect(request).toMatchObject({
      method: 'POST',
      path: '/in',
      headers: {
        'content-type': 'application/json',
        'idempotency-key': message?.id,
        'user-agent': 'halyard-hub/0.1.0',
      },
    })
    expect(request?.headers).not.toHaveProperty('x-halyard-signature')
    expect(request?.body).toEqual({
      id: message?.id,
      cloud_id: id,
      destination: '+11234567890',
      text: 'Ahoi!',
      received_at: message?.receivedAt.toISOString(),
    })
  })

  it('can check who sent it and when, as the guide says', async () => {
    const webhook = await TestWebhook.listen()
    const config = { webhook: { ...WEBHOOK, url: webhook.url, secret: 'between us' } }
    const { gateway, log } = await openGateway({ config })
    await gateway.take(sms('signed'))
    await until('the request', () => webhook.requests.length > 0)
    const { headers = {}, raw = '' } = webhook.requests[0] ?? {}
    const timestamp = String(headers['x-halyard-timestamp'])
    expect(Math.abs(Date.now() / 1000 - Number(timestamp))).toBeLessThan(60)
    const signature = createHmac('sha256', 'between us').update(`${timestamp}.${raw}`).digest('hex')
    expect(headers['x-halyard-signature']).toBe(`sha256=${signature}`)
    expect(everything(log)).not.toContain('between us')
  })

  it('that is slow does not delay the 00', async () => {
    const webhook = await TestWebhook.listen()
    webhook.answer = () => {}
    const hub = await hubWith(webhook.url, {}, await temporaryDirectory())
    expect(await send(hub.port, `S${hub.id}${hub.key}+1 first\r\r`)).toBe('00')
    expect(await send(hub.port, `S${hub.id}${hub.key}+1 second\r\r`)).toBe('00')
    await until('the first is on its way', () => webhook.requests.length === 1)
    const backlog = await backlogOf(hub)
    expect(backlog.queued).toBe(2)
    expect(Date.parse(backlog.oldest ?? '')).toBeGreaterThan(Date.now() - 60_000)
    webhook.close()
  })

  it('that is down and comes up gets everything, to one number in its order', async () => {
    const webhook = await TestWebhook.listen()
    const proxy = await FaultProxy.open({ target: { port: webhook.port } })
    onTestFinished(() => proxy.close())
    proxy.link.down('reset')
    const hub = await hubWith(`http://127.0.0.1:${proxy.port}/in`)
    for (const text of ['a', 'b', 'c', 'd']) {
      expect(await send(hub.port, `S${hub.id}${hub.key}+1 ${text}\r\r`)).toBe('00')
    }
    await until('it was tried', () => hub.log.texts('warn').length > 0)
    expect(hub.log.lines).toContainEqual({
      level: 'warn',
      message: 'hologram: the SMS webhook does not take SMS; they wait and are tried again',
      object: {
        host: `127.0.0.1:${proxy.port}`,
        reason: expect.stringMatching(/^no connection \(ECONN(REFUSED|RESET)\)$/),
        queued: expect.any(Number),
      },
    })
    await proxy.link.up()
    await until('all arrived', () => webhook.requests.length === 4)
    expect(webhook.texts).toEqual(['a', 'b', 'c', 'd'])
    await until('nothing is owed', async () => (await backlogOf(hub)).queued === 0)
  })

  it('sees after a restart what it did not take, and never again what it took', async () => {
    const webhook = await TestWebhook.listen()
    const data = await temporaryDirectory()
    const before = await hubWith(webhook.url, {}, data)
    expect(await send(before.port, `S${before.id}${before.key}+1 taken\r\r`)).toBe('00')
    await until('it is settled', async () => (await backlogOf(before)).queued === 0)
    webhook.answer = status(503)
    expect(await send(before.port, `S${before.id}${before.key}+1 waits\r\r`)).toBe('00')
    await until('it was refused for now', () => webhook.requests.length > 1)
    await before.hub.close()
    webhook.requests.length = 0
    webhook.answer = status(200)
    const after = await hubWith(webhook.url, {}, data)
    await until('it arrives', async () => (await backlogOf(after)).queued === 0)
    expect(webhook.texts).toEqual(['waits'])
  })

  it('that is full answers 60, and 00 when it has room again', async () => {
    const webhook = await TestWebhook.listen()
    webhook.answer = status(500)
    const hub = await hubWith(webhook.url, { queued: 2 })
    for (const answer of ['00', '00', '60']) expect(await send(hub.port, `S${hub.id}${hub.key}+1 x\r\r`)).toBe(answer)
    expect(hub.log.texts('warn')).toContainEqual(
      expect.stringContaining('hologram: an SMS was kept but not handed on: the outbox is full: 2 messages'),
    )
    webhook.answer = status(200)
    await until('there is room', async () => (await backlogOf(hub)).queued === 0)
    expect(await send(hub.port, `S${hub.id}${hub.key}+1 x\r\r`)).toBe('00')
  })

  it('whose outbox cannot be written is 60 for the device', async () => {
    const disk = new FaultDisk()
    const webhook = await TestWebhook.listen()
    const config = { webhook: { ...WEBHOOK, url: webhook.url } }
    const { gateway } = await openGateway({ config, disk, directory: '/data' })
    disk.capacity = 0
    await expect(gateway.take(sms('x'))).rejects.toMatchObject({ code: 'ERR_STORE_FULL' })
    disk.capacity = Infinity
    await gateway.take(sms('y'))
    await until('the other arrives', () => webhook.requests.length > 0)
    expect(webhook.texts).toEqual(['y'])
  })
})

describe('an answer of the webhook', () => {
  it.each([400, 401, 404, 410, 413, 422])('%i is final: dropped, said once, not sent again', async (code) => {
    const webhook = await TestWebhook.listen()
    webhook.answer = status(code)
    const { gateway, log } = await openGateway({ config: { webhook: { ...WEBHOOK, url: webhook.url } } })
    const first = sms('no')
    await gateway.take(first)
    await until('it is given up', () => log.texts('warn').length > 0)
    expect(log.lines.filter(({ level }) => level === 'warn')).toEqual([
      {
        level: 'warn',
        message: 'hologram: an SMS is dropped: its webhook refused it',
        object: { id: first.id, reason: `HTTP ${code}`, attempts: 1, host: `127.0.0.1:${webhook.port}` },
      },
    ])
    webhook.answer = status(200)
    await gateway.take(sms('yes'))
    await until('the next arrives', () => gateway.backlog.queued === 0)
    expect(webhook.texts).toEqual(['no', 'yes'])
  })

  it.each([301, 302, 307, 308])('%i is final: a redirect is not followed', async (code) => {
    const elsewhere = await TestWebhook.listen()
    const webhook = await TestWebhook.listen()
    webhook.answer = status(code, { location: elsewhere.url })
    const { gateway, log } = await openGateway({ config: { webhook: { ...WEBHOOK, url: webhook.url } } })
    await gateway.take(sms('x'))
    await until('it is given up', () => log.texts('warn').length > 0)
    expect(log.lines.at(-1)?.object).toMatchObject({ reason: `HTTP ${code}: redirects are not followed` })
    expect(elsewhere.requests).toEqual([])
  })

  it.each([408, 425, 429, 500, 502, 503])('%i means later, with the same key', async (code) => {
    const webhook = await TestWebhook.listen()
    webhook.answer = (response) => response.writeHead(webhook.requests.length < 2 ? code : 204).end()
    const { gateway } = await openGateway({ config: { webhook: { ...WEBHOOK, url: webhook.url } } })
    await gateway.take(sms('x'))
    await until('it is taken', () => gateway.backlog.queued === 0)
    expect(webhook.texts).toEqual(['x', 'x'])
    expect(new Set(webhook.requests.map(({ headers }) => headers['idempotency-key'])).size).toBe(1)
  })

  it('that does not come in time, or is cut off, means later', async () => {
    const webhook = await TestWebhook.listen()
    webhook.answer = (response) => {
      if (webhook.requests.length === 1) return
      if (webhook.requests.length === 2) response.socket?.destroy()
      else response.writeHead(200).end()
    }
    const { gateway, log } = await openGateway({ config: { webhook: { ...WEBHOOK, timeout: 0.1, url: webhook.url } } })
    await gateway.take(sms('x'))
    await until('it is taken', () => gateway.backlog.queued === 0)
    const reasons = log.lines.filter(({ level }) => level === 'warn').map(({ object }) => object)
    expect(reasons).toMatchObject([{ reason: 'no answer within 0.1 s' }, { reason: 'no connection (ECONNRESET)' }])
  })

  it('with Retry-After leaves the webhook alone so long, at most 300 s', async () => {
    const clock = new VirtualClock()
    const webhook = await TestWebhook.listen()
    webhook.answer = status(429, { 'retry-after': '99999' })
    const { gateway, log } = await openGateway({ clock, config: { webhook: { ...WEBHOOK, url: webhook.url } } })
    await gateway.take(sms('x'))
    await until('it is told to wait', () => log.texts('warn').length > 0)
    webhook.answer = status(200)
    await gateway.take(sms('other', '+2'))
    await clock.advance(299_000)
    expect(webhook.texts).toEqual(['x'])
    await clock.advance(1_000)
    await until('both are taken', () => gateway.backlog.queued === 0)
    expect(webhook.texts.toSorted()).toEqual(['other', 'x', 'x'])
  })

  it('with a body that never ends is as good as its head', async () => {
    const webhook = await TestWebhook.listen()
    let cut = false
    webhook.answer = (response) => {
      response.writeHead(200)
      response.on('close', () => (cut = true))
      const flood = (): void => {
        response.write('x'.repeat(100_000), () => !response.destroyed && flood())
      }
      flood()
    }
    const { gateway } = await openGateway({ config: { webhook: { ...WEBHOOK, url: webhook.url } } })
    await gateway.take(sms('x'))
    await until('it is taken', () => gateway.backlog.queued === 0)
    await until('the rest is not read', () => cut)
  })
})

describe('SMS that wait for their webhook', () => {
  it('longer than maxAge are dropped, and that is said', async () => {
    const clock = new VirtualClock()
    const webhook = await TestWebhook.listen()
    webhook.answer = status(503, { 'retry-after': '300' })
    const { gateway, log } = await openGateway({
      clock,
      config: { webhook: { ...WEBHOOK, maxAge: 60, url: webhook.url } },
    })
    await gateway.take(sms('x'))
    await until('it was tried', () => log.texts('warn').length > 0)
    await clock.advance(61_000)
    await until('it is dropped', () => gateway.backlog.queued === 0)
    expect(log.texts('warn').at(-1)).toBe('hologram: an SMS is dropped: its webhook did not take it within maxAge')
  })

  it('do not keep other numbers waiting; at most four go at once', async () => {
    const webhook = await TestWebhook.listen()
    const held: (() => void)[] = []
    webhook.answer = (response) => void held.push(() => response.writeHead(200).end())
    const { gateway } = await openGateway({ config: { webhook: { ...WEBHOOK, url: webhook.url } } })
    const all = Array.from({ length: 32 }, (_, index) => sms(`to ${index}`, `+1555000${index}`))
    await Promise.all(all.map((one) => gateway.take(one)))
    await until('four are on their way', () => held.length === 4)
    for (let count = 0; count < 32; count++) {
      await until('the next', () => held.length > 0)
      expect(held.length).toBeLessThanOrEqual(4)
      held.shift()?.()
    }
    await until('all are taken', () => gateway.backlog.queued === 0)
    expect(new Set(webhook.texts).size).toBe(32)
  })

  it('are in the file too, if one is named', async () => {
    const disk = new FaultDisk()
    const webhook = await TestWebhook.listen()
    const config = { file: '/sms.jsonl', webhook: { ...WEBHOOK, url: webhook.url } }
    const { gateway } = await openGateway({ disk, config })
    await gateway.take(sms('both'))
    await until('it is taken', () => gateway.backlog.queued === 0)
    expect(Buffer.from(disk.readFile('/sms.jsonl')).toString().trim()).toBe(webhook.requests[0]?.raw)
  })
})

describe('what is secret', () => {
  it('in the address works, and is in no log and not on the disk', async () => {
    const webhook = await TestWebhook.listen()
    webhook.answer = (response) => response.writeHead([503, 404][webhook.requests.length - 1] ?? 200).end()
    const url = `http://us%40er:pass%2Fword@127.0.0.1:${webhook.port}/hooks/SeCrEtPaTh?token=ToKeN`
    const directory = await temporaryDirectory()
    const config = { webhook: { ...WEBHOOK, url, secret: 'SiGnInG' } }
    const { gateway, log } = await openGateway({ config, directory, disk: nodeDisk() })
    await gateway.take(sms('refused text', '+15551234567'))
    await until('it is settled', () => gateway.backlog.queued === 0)
    const [request] = webhook.requests
    expect(request?.path).toBe('/hooks/SeCrEtPaTh?token=ToKeN')
    expect(request?.headers.authorization).toBe(`Basic ${Buffer.from('us@er:pass/word').toString('base64')}`)
    expect(log.texts('warn').length).toBe(2)
    const secrets = ['SeCrEtPaTh', 'ToKeN', 'word', 'us%40er', 'SiGnInG', 'refused text', '5551234']
    for (const secret of secrets) expect(everything(log)).not.toContain(secret)
    await gateway.close()
    const files = (await readdir(join(directory, 'sms'), { recursive: true, withFileTypes: true })).filter((one) =>
      one.isFile(),
    )
    const written = await Promise.all(files.map((one) => readFile(join(one.parentPath, one.name), 'latin1')))
    // The text has to be there; how the webhook is reached has not.
    expect(written.join()).toContain('refused text')
    for (const secret of secrets.slice(0, 5)) expect(written.join()).not.toContain(secret)
  })
})
