import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { makeRoom } from '../src/make-room.ts'
import { Commits } from '../src/metrics/commits.ts'
import { FAMILIES } from '../src/metrics/families.ts'
import { RecordingLogger, send, startHub, temporaryDirectory } from './support.ts'
import type { TestHub } from './support.ts'

async function metrics({ hub }: TestHub): Promise<ReadonlyMap<string, number>> {
  const headers = { authorization: `Bearer ${hub.accounts.console?.token ?? ''}` }
  const answer = await fetch(`http://127.0.0.1:${hub.ports.front}/metrics`, { headers })
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  const text = await answer.text()
  expect(text.endsWith('\n')).toBe(true)
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  // Each is a name, labels perhaps, and a number: https://prometheus.io/docs/instrumenting/exposition_formats/
  for (const line of lines) expect(line).toMatch(/^[a-z_][a-z0-9_]*(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? \S+$/)
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]))
}

describe('/metrics', () => {
  it('needs a token, also on the machine itself', async () => {
    const { hub } = await startHub()
    const answer = await fetch(`http://127.0.0.1:${hub.ports.front}/metrics`)
    expect(answer.status).toBe(401)
    expect(await answer.json()).toMatchObject({ error: 'ERR_HUB_API_TOKEN' })
  })

  it('shows what the hub does, as Prometheus reads it', async () => {
    const started = await startHub({ data: await temporaryDirectory() })
    const { port, id, key } = started
    for (let count = 0; count < 3; count++) await send(port, `{"s": "${id}", "c": "${key}", "d": "x"}\r\r`)
    const values = await metrics(started)
    const value = (name: string): number => values.get(`halyard_${name}`) ?? Number.NaN
    expect(value('journal_committed_records_total')).toBe(3)
    expect(value('journal_commit_seconds_count')).toBe(3)
    expect(values.get('halyard_journal_commit_seconds_bucket{le="+Inf"}')).toBe(3)
    expect(value('journal_commit_seconds_sum')).toBeGreaterThan(0)
    expect(value('journal_segments')).toBe(1)
    expect(value('journal_bytes')).toBeGreaterThan(3 * 30)
    expect(value('journal_failing')).toBe(0)
    expect(value('index_bytes')).toBeGreaterThan(4096)
    expect(value('disk_free_bytes')).toBeGreaterThan(0)
    expect(value('disk_limit_bytes')).toBeGreaterThanOrEqual(256 * 1024 * 1024)
    expect([value('disk_full'), value('mqtt_sessions'), value('hologram_connections')]).toEqual([0, 0, 0])
    expect(values.get('process_resident_memory_bytes')).toBeGreaterThan(0)
    // Each time anew, not on top.
    expect((await metrics(started)).get('halyard_journal_committed_records_total')).toBe(3)
  })

  it('are all in the guide, and no others', async () => {
    const guide = await readFile(join(import.meta.dirname, '../../../docs/guide/hub.md'), 'utf8')
    const [, table = ''] = guide.split('| `halyard_…`')
    const listed = [...(table.split('\n\n')[0] ?? '').matchAll(/^\| `(\w+)`/gm)].map(([, name]) => `halyard_${name}`)
    const shown = ['halyard_info', 'halyard_journal_commit_seconds', ...FAMILIES.map(({ name }) => name)]
    expect(listed.toSorted()).toEqual(shown.toSorted())
  })

  it('of a hub in memory leave out what there is only on a disk', async () => {
    const values = await metrics(await startHub())
    expect(values.has('halyard_mqtt_connections')).toBe(true)
    expect([...values.keys()].filter((name) => /disk|index_bytes|segments|replay/.test(name))).toEqual([])
  })
})

it('a group counts in every bucket that it fits, and one above a second is told', () => {
  const log = new RecordingLogger()
  const commits = new Commits(log)
  for (const milliseconds of [0.4, 5, 70, 60_000]) commits.observe({ milliseconds, bytes: 10, records: 2 })
  const { buckets, count, seconds } = commits.distribution
  expect([count, seconds, commits.records, commits.bytes]).toEqual([4, 60.0754, 8, 40])
  expect(Object.fromEntries(buckets)).toMatchObject({ 0.0005: 1, 0.001: 1, 0.005: 2, 0.05: 2, 0.1: 3, 10: 3 })
  expect(log.texts('warn')).toEqual([
    'the disk is slow: it took more than a second to write and sync the journal, and whoever waits for an acknowledgement waits as long',
  ])
})

describe('disk.maxBytes', () => {
  const MIB = 1024 * 1024
  /** A disk on which the history takes `history` bytes, and others `fixed`. */
  const disk = (history: number, fixed: number) => {
    const state = { history, quotas: [] as number[] }
    const log = new RecordingLogger()
    const run = (): Promise<boolean> =>
      makeRoom({
        disk: {
          get use() {
            return { used: fixed + state.history, limit: 100 * MIB, index: state.history }
          },
          look: () => Promise.resolve(),
        },
        history: {
          append: () => Promise.reject(new Error('nobody appends')),
          query: () => Promise.reject(new Error('nobody asks')),
          sweep: ({ maxBytes = Infinity }) => {
            state.quotas.push(maxBytes)
            const removed = Math.max(0, state.history - maxBytes)
            state.history -= removed
            return Promise.resolve(removed)
          },
        },
        limits: { maxBytes: 1024 * MIB },
        clock: { now: () => 0, monotonic: () => 0, bootId: '', setTimer: () => ({ cancel: () => {} }) },
        logger: log,
      })
    return { state, log, run }
  }

  it('nothing goes while there is room', async () => {
    const { state, log, run } = disk(80 * MIB, 9 * MIB)
    expect([await run(), state.quotas, log.lines]).toEqual([false, [], []])
  })

  it('the history gives way first, the oldest half and half again', async () => {
    const { state, log, run } = disk(60 * MIB, 60 * MIB)
    expect(await run()).toBe(true)
    expect(state.history).toBe(15 * MIB)
    expect(log.texts('warn')).toEqual(['the data come near to disk.maxBytes: the oldest messages left the history'])
  })

  it('what is owed stays, and that it is too much is said', async () => {
    const { state, log, run } = disk(MIB, 120 * MIB)
    await run()
    expect(state.history).toBeLessThan(64 * 1024)
    expect(log.texts('warn').at(-1)).toBe(
      'the data take more than disk.maxBytes, and the history has nothing left to give',
    )
  })
})
