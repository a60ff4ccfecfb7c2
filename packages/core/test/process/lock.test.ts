import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, expect, it } from 'vitest'

const CONTENDER = join(import.meta.dirname, '../../../../proofs/process/contender.mjs')
const COUNT = 30
const TIMES = 4

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'halyard-lock-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

it('has one owner at a time, of thirty processes that want it and are killed with it', async () => {
  const lines: string[] = []
  const contenders = Array.from({ length: COUNT }, (_, seed) => {
    const args = [CONTENDER, join(directory, 'log'), join(directory, 'mark'), String(seed), String(TIMES)]
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    const ready = new Promise<void>((resolve) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (line === 'ready') resolve()
        else lines.push(line)
      })
    })
    return { child, ready, ended: once(child, 'close') }
  })
  await Promise.all(contenders.map(({ ready }) => ready))
  for (const { child } of contenders) child.stdin.end()
  const endings = await Promise.all(contenders.map(({ ended }) => ended))
  const killed = endings.filter(([, signal]) => signal === 'SIGKILL').length
  expect(endings.filter(([code, signal]) => code !== 0 && signal !== 'SIGKILL')).toEqual([])
  expect(lines.filter((line) => line !== 'had it')).toEqual([])
  expect(killed).toBeGreaterThan(5)
  expect(lines.length).toBeGreaterThan(COUNT + killed)
  // Each removes what those before it have left.
  const left = (await readdir(join(directory, 'log'))).filter((name) => name.includes('lock'))
  expect(left.length).toBeLessThan(3)
})
