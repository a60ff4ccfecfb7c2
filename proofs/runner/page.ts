/**
 * docs/proofs.md: one section for each proof, with the day and the machine of its own run, so that one proof can be run
 * anew without the hour of the others.
 */
import type { Verdict } from '../proof.ts'
import type { About } from './run-proof.ts'

const HEAD = `# Proofs

Written by \`make proof\`; do not edit. Each section says when and where its proof ran.
`

/** The name of its module stands in the command of every section. */
const COMMAND = /^Run alone: `.*scripts\/proof\.mjs ([\w-]+)`$/m

/**
 * The page with the sections of the proofs that ran, by the names of their modules, in the places of their older ones.
 * Those of others stay as they were, those of proofs that are no more are left out.
 *
 * @param before the page as it was
 * @param names of all proofs, in the order of the page
 */
export function proofsPage(before: string, ran: ReadonlyMap<string, string>, names: readonly string[]): string {
  const older = new Map(
    before
      .split(/^(?=## )/m)
      .map((section) => [COMMAND.exec(section)?.[1], section.trim()] as const)
      .filter(([name]) => name !== undefined),
  )
  const sections = names.map((name) => ran.get(name)?.trim() ?? older.get(name)).filter((section) => section)
  return `${[HEAD.trim(), ...sections].join('\n\n')}\n`
}

/** @param ran when and where */
export function proofSection({ name, claim, command }: About, { passed, rows }: Verdict, ran: string): string {
  const cell = (text: string): string => text.replaceAll('|', String.raw`\|`).replaceAll('\n', ' ')
  const table = rows.map(([what, figure]) => `| ${cell(what)} | ${cell(figure)} |`)
  return [
    `## ${name}`,
    '',
    `${claim} **${passed ? 'Holds.' : 'Does not hold.'}**`,
    '',
    ran,
    '',
    '| what | figure |',
    '| --- | --- |',
    ...table,
    '',
    `Run alone: \`${command}\``,
    '',
  ].join('\n')
}
