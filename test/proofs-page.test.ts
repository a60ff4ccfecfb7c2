/** docs/proofs.md keeps what did not run again. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { Proof } from '../proofs/proof.ts'
import { proofSection, proofsPage } from '../proofs/runner/page.ts'

const PROOFS = join(import.meta.dirname, '../proofs')

const section = (name: string, figure: string, passed = true): string =>
  proofSection(
    { name: `The ${name}`, claim: 'It holds.', command: `npm run build && node scripts/proof.mjs ${name}` },
    { passed, rows: [['what | where', figure]] },
    '2026-01-02 · a machine',
  )
const names = ['a-cut', 'kill', 'soak']

it('a proof that ran takes the place of its older section, the others stay', () => {
  const first = proofsPage('', new Map(names.toReversed().map((name) => [name, section(name, '1')])), names)
  expect(first.match(/^## .*/gm)).toEqual(['## The a-cut', '## The kill', '## The soak'])
  const second = proofsPage(first, new Map([['kill', section('kill', '2', false)]]), names)
  const changed = second.split('\n').filter((line) => !first.split('\n').includes(line))
  expect(changed).toEqual(['It holds. **Does not hold.**', String.raw`| what \| where | 2 |`])
  expect(proofsPage(second, new Map([['kill', section('kill', '1')]]), names)).toBe(first)
})

it('a proof that is new has its place, one that is no more has none', () => {
  const page = proofsPage('', new Map([['soak', section('soak', '1')]]), names)
  const more = proofsPage(page, new Map([['kill', section('kill', '1')]]), names)
  expect(more.match(/^## .*/gm)).toEqual(['## The kill', '## The soak'])
  expect(proofsPage(more, new Map(), ['kill']).match(/^## .*/gm)).toEqual(['## The kill'])
})

it('every proof is told by the command that runs it alone', async () => {
  for (const file of readdirSync(PROOFS).filter((name) => name.endsWith('.ts') && name !== 'proof.ts')) {
    const { proof } = (await import(join(PROOFS, file))) as { readonly proof: Proof }
    expect(proof.command.endsWith(` scripts/proof.mjs ${file.slice(0, -3)}`), proof.command).toBe(true)
  }
})
