/** The hub and the original SDKs said again in Python, with Python's own JSON and sockets: interop/hologram. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { loadVectors } from '@halyard/testkit'
import { describe, expect, it } from 'vitest'
import { recordedHub } from '../originals/recorded-hub.ts'
import type { RecordedHub } from '../originals/recorded-hub.ts'

const root = join(import.meta.dirname, '../../../..')

type Call = readonly [
  name: 'send_message' | 'send_sms' | 'send_raw' | 'network_disconnected' | 'network_connected' | 'request_nonce',
  ...args: readonly unknown[],
]

interface Done {
  /** each connection's bytes, hexadecimal */
  readonly wire: readonly string[]
  readonly result: unknown
  readonly seconds: number
}

/** One cloud object of this version, and what became of its calls. */
function python(version: string, port: number, key: string, calls: readonly Call[]): Promise<Done[]> {
  return new Promise((resolve, reject) => {
    const script = join(root, 'interop/hologram/python_sdk.py')
    const child = execFile(
      'python3',
      [script, version, String(port), key],
      { maxBuffer: 2 ** 27 },
      (error, stdout, stderr) => {
        if (error) reject(new Error(`${error.message}\n${stderr}`))
        else resolve(JSON.parse(stdout) as Done[])
      },
    )
    child.stdin?.end(JSON.stringify(calls))
  })
}

interface Message {
  readonly kind: 'message' | 'sms'
  readonly auth: { readonly cloudId: string; readonly cloudKey: string } | { readonly deviceKey: string }
  readonly data?: unknown
  readonly topics?: unknown
  readonly destination?: string
  readonly body?: string
}

/** The call behind a recorded stream. */
function callOf({ kind, data, topics, destination, body }: Message): Call {
  if (kind === 'sms') return ['send_sms', destination, body]
  return topics === undefined ? ['send_message', data] : ['send_message', data, topics]
}

const recorded = ['messages', 'sms'].flatMap(
  (name) => loadVectors<Message>(new URL(`vectors/hologram/${name}.json`, `file://${root}/`)).vectors,
)
const keyOf = ({ auth }: Message): string => ('deviceKey' in auth ? auth.deviceKey : auth.cloudId + auth.cloudKey)

describe.each([
  ['0.1.1', '12345678', 'v0.1.1', '0'],
  ['0.3.0', '34mg12ab', 'v0.3.0', '0'],
  ['0.9.1', '12345678', 'develop', 0],
] as const)('SDK %s', (version, key, tag, taken) => {
  const account = key.slice(0, 4)
  const openHub = (): Promise<RecordedHub> => recordedHub(account, key.slice(4))

  it('writes what was recorded of it, and the hub takes it', async () => {
    const calls = recorded.flatMap(({ name, direction, message, hex, origin }) => {
      const ours = message && direction !== 'decode' && origin.startsWith(`hologram-python ${tag} `)
      // Without a modem there is none in the metadata.
      return ours && keyOf(message) === key && name !== 'device key of a modem' ? [{ name, message, hex }] : []
    })
    expect(calls.length).toBeGreaterThan(1)
    const hub = await openHub()
    for (const { name, message, hex } of calls) {
      // A cloud object of its own, or the topics of the one before would be there.
      const [done] = await python(version, hub.port, key, [callOf(message)])
      expect(done, name).toMatchObject({ wire: [hex], result: taken })
      // It reads until the hub closes, far below the five seconds of its timeout.
      expect(done?.seconds, name).toBeLessThan(4.5)
    }
    expect(await hub.history()).toHaveLength(calls.length)
  })

  it('repeats its topics and its buffer, and the hub keeps what came', async () => {
    const hub = await openHub()
    const done = await python(version, hub.port, key, [
      ['send_message', 'a', ['T1']],
      ['send_message', 'b'],
      ['send_message', 'c', ['T2']],
      ['network_disconnected'],
      ['send_message', 'd', ['LOST']],
      ['network_connected'],
      ['network_connected'],
    ])
    const results = done.map(({ result }) => result)
    expect(results).toEqual([taken, taken, taken, null, '', [taken], [taken]])
    expect(await hub.history()).toEqual(
      ['T1: a', 'T1: b', 'T2: c', 'T2: d', 'T2: d'].map((text) => `${account} ${text}`),
    )
  })

  it('is told what is wrong, and an SMS is answered in digits', async () => {
    const hub = await openHub()
    const told = (code: number): unknown => (typeof taken === 'string' ? String(code) : code)
    const done = await python(version, hub.port, key, [
      ['send_message', null],
      ['send_message', 'x', ['']],
      ['send_sms', '+11234567890', 'Hello, Python!'],
      ['send_raw', `S${key} no number\r\r`],
      ['send_raw', 'hello'],
    ])
    expect(done.map(({ result }) => result)).toEqual([told(4), told(8), taken, '20', '[5,0]'])
    const [stranger] = await python(version, hub.port, `${account}0000`, [['send_sms', '+1', 'x']])
    expect(stranger?.result).toBe(told(3))
    expect(await hub.history()).toEqual([`${account} sms:+11234567890: Hello, Python!`])
  })

  it('waits for its timeout where there is no answer, and nobody else does', async () => {
    const hub = await openHub()
    const waiting = python(version, hub.port, key, [['send_raw', '{"s": "1234', 2]])
    const [served] = await python(version, hub.port, key, [['send_message', 'meanwhile']])
    expect(served?.result).toBe(taken)
    const [silent] = await waiting
    expect(silent?.result).toBe('')
    expect(silent?.seconds).toBeGreaterThanOrEqual(1.9)
    expect(await hub.history()).toEqual([`${account} : meanwhile`])
  })

  it('writes a million bytes with one send(), or a part of more, and the hub takes only what is whole', async () => {
    const hub = await openHub()
    const [whole, long] = await python(version, hub.port, key, [
      ['send_message', 'x'.repeat(1_000_000)],
      ['send_message', 'x'.repeat(20_000_000), null, 1],
    ])
    expect(whole?.result).toBe(taken)
    expect(long?.result).not.toBe(taken)
    expect(await hub.history()).toHaveLength(1)
  })
})

it('SDK 0.9.1 with sim-otp gets the refusal where it expects a nonce', async () => {
  const hub = await recordedHub('1234', '5678')
  const [nonce] = await python('0.9.1', hub.port, '12345678', [['request_nonce']])
  expect(nonce).toMatchObject({ wire: ['4e'], result: Buffer.from('50').toString('hex') })
})
