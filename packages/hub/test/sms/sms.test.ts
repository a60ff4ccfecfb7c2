/** From the device's bytes to the file, through a whole hub. */
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { FaultDisk } from '@halyard/testkit'
import { describe, expect, it } from 'vitest'
import { open, send, startHub, temporaryDirectory } from '../support.ts'
import { everything } from './support.ts'

const NUMBER = '+11234567890'

async function linesOf(path: string): Promise<Record<string, unknown>[]> {
  const lines = (await readFile(path, 'utf8')).split('\n')
  expect(lines.pop()).toBe('')
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
}

describe('an SMS', () => {
  it('is kept, seen, and in the file when its device has its 00; the log knows neither text nor number', async () => {
    const data = await temporaryDirectory()
    const { hub, port, id, key, log } = await startHub({ data })
    const live = hub.messages({ channel: `sms:${NUMBER}` })
    expect(await send(port, `S${id}${key}${NUMBER} Grüße "aus"\r\nBonn\r\r`)).toBe('00')
    const file = join(data, 'sms.jsonl')
    const [line] = await linesOf(file)
    const { value: message } = await live.next()
    expect(line).toEqual({
      id: message?.id,
      cloud_id: id,
      destination: NUMBER,
      text: 'Grüße "aus"\r\nBonn',
      received_at: message?.receivedAt.toISOString(),
    })
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(log.lines).toContainEqual({
      level: 'info',
      message: 'hologram: an SMS was handed on',
      object: { id: message?.id, cloud_id: id, to: '…90' },
    })
    for (const secret of ['Bonn', '1234567', key]) expect(everything(log)).not.toContain(secret)
  })

  it('goes into the same file after a restart, behind what is there', async () => {
    const data = await temporaryDirectory()
    const { hub, port, id, key } = await startHub({ data })
    expect(await send(port, `S${id}${key}+1 first\r\r`)).toBe('00')
    await hub.close()
    const again = await startHub({ data })
    expect(await send(again.port, `S${id}${key}+1 second\r\r`)).toBe('00')
    expect((await linesOf(join(data, 'sms.jsonl'))).map(({ text }) => text)).toEqual(['first', 'second'])
  })

  it('in memory has its line in the log, nothing else', async () => {
    const { port, id, key, log } = await startHub()
    expect(await send(port, `S${id}${key}+1 gone\r\r`)).toBe('00')
    expect(log.texts('info')).toContain('hologram: an SMS was handed on')
  })

  it('is 60 while the disk is full, though the journal has it, and 00 again when there is room', async () => {
    const disk = new FaultDisk({ capacity: 10 })
    const config = '{ hologram: { sms: { file: "/texts.jsonl" } } }'
    const { port, id, key, log } = await startHub({ config }, { disk })
    expect(await send(port, `S${id}${key}+1 no room\r\r`)).toBe('60')
    expect(log.texts('warn')).toEqual([
      'hologram: an SMS was kept but not handed on: cannot write SMS to /texts.jsonl: the disk is full; free some space',
    ])
    disk.capacity = Infinity
    expect(await send(port, `S${id}${key}+1 room\r\r`)).toBe('00')
    expect(Buffer.from(disk.readFile('/texts.jsonl')).toString()).toMatch(/^\{"id":"[^\n]*"text":"room"[^\n]*\}\n$/)
  })

  it('whose file cannot be written keeps the hub from starting, in words', async () => {
    const config = '{ hologram: { sms: { file: "/nowhere/texts.jsonl" } } }'
    await expect(startHub({ config })).rejects.toMatchObject({
      code: 'ERR_STORE_PATH',
      message: 'cannot write SMS to /nowhere/texts.jsonl: there is no such directory',
    })
  })

  it('ends at its terminator; what stands behind is nobody’s', async () => {
    const { hub, port, id, key } = await startHub()
    const live = hub.messages()
    expect(await send(port, `S${id}${key}+1 before\r\rafter\r\r`)).toBe('00')
    expect(new TextDecoder().decode((await live.next()).value?.payload)).toBe('before')
    await hub.close()
    expect((await live.next()).done).toBe(true)
  })

  it('byte by byte is the same SMS', async () => {
    const { hub, port, id, key } = await startHub()
    const live = hub.messages()
    const { socket, answer } = await open(port)
    for (const byte of Buffer.from(`S${id}${key}+1 slow\r\r`)) {
      await new Promise<void>((resolve) => socket.write(Buffer.of(byte), () => resolve()))
    }
    expect(await answer).toBe('00')
    expect(new TextDecoder().decode((await live.next()).value?.payload)).toBe('slow')
  })
})

describe('what is no SMS that a phone could get is answered, and not kept:', () => {
  it.each([
    ['161 characters', `${NUMBER} ${'x'.repeat(161)}`, '20'],
    ['161 characters of two code units', `${NUMBER} ${'😀'.repeat(161)}`, '20'],
    ['a megabyte', `${NUMBER} ${'x'.repeat(1_000_000)}`, '20'],
    ['no number', ' x', '20'],
    ['no space', NUMBER, '20'],
    ['letters', '+1123456789o x', '20'],
    ['a plus alone', '+ x', '20'],
    ['16 digits', '+1234567890123456 x', '20'],
    ['a number of another line', '+1\r\n2 x', '20'],
    ['a header of HTTP in the number', '+1:80 x', '20'],
  ])('%s', async (_name, text, answer) => {
    const { hub, port, id, key, log } = await startHub()
    const live = hub.messages()
    expect(await send(port, `S${id}${key}${text}\r\r`)).toBe(answer)
    expect(log.texts('info')).not.toContain('hologram: an SMS was handed on')
    await hub.close()
    expect((await live.next()).done).toBe(true)
  })

  it.each([
    ['nothing', `${NUMBER} `],
    ['160 characters', `${NUMBER} ${'x'.repeat(160)}`],
    ['160 characters of two code units', `${NUMBER} ${'😀'.repeat(160)}`],
    ['a number without its plus', '80112 x'],
    ['15 digits', '+123456789012345 x'],
    ['a blank', `${NUMBER}  `],
  ])('but %s are taken', async (_name, text) => {
    const { port, id, key } = await startHub()
    expect(await send(port, `S${id}${key}${text}\r\r`)).toBe('00')
  })

  it('longer ones are taken where the configuration says so', async () => {
    const config = '{ hologram: { limits: { smsCharacters: 161 } } }'
    const { port, id, key } = await startHub({ config })
    expect(await send(port, `S${id}${key}+1 ${'x'.repeat(161)}\r\r`)).toBe('00')
    expect(await send(port, `S${id}${key}+1 ${'x'.repeat(162)}\r\r`)).toBe('20')
  })
})
