import { expect } from 'vitest'
import type { BrokerModel, GroupDebt, ModelClient } from './broker-model.ts'
import type { Seats } from './seats.ts'

/** What came against what was owed: neither one too few nor one too many. */
export class Comparison {
  readonly #model: BrokerModel
  readonly #seats: Seats

  constructor(model: BrokerModel, seats: Seats) {
    this.#model = model
    this.#seats = seats
  }

  check(where: string): { readonly messages: number; readonly changes: number } {
    const surplus = new Map<string, Set<ModelClient>>()
    const got = new Map<string, Set<ModelClient>>()
    let messages = 0
    let changes = 0
    for (const { client, model } of this.#seats.taken) {
      const came = client.inbox.splice(0)
      const owed = model.owed.splice(0)
      const ofGroups = new Set(
        this.#model.groupDebts.filter(({ members }) => members.includes(model)).map(({ entry }) => entry),
      )
      const extra = difference(came, owed)
      const strange = extra.filter((entry) => !ofGroups.has(entry))
      const missing = difference(owed, came)
      expect({ who: model.number, strange, missing }, where).toEqual({ who: model.number, strange: [], missing: [] })
      expect(came.filter(isMessage), `${where}: nothing twice`).toHaveLength(new Set(came.filter(isMessage)).size)
      for (const entry of extra) surplus.set(entry, (surplus.get(entry) ?? new Set()).add(model))
      for (const entry of came) if (ofGroups.has(entry)) got.set(entry, (got.get(entry) ?? new Set()).add(model))
      inOrder(came, where)
      messages += came.filter(isMessage).length
      changes += came.filter((entry) => entry.startsWith('presence ')).length
    }
    const debts = new Map<string, GroupDebt[]>()
    for (const debt of this.#model.groupDebts.splice(0)) debts.set(debt.entry, [...(debts.get(debt.entry) ?? []), debt])
    for (const [entry, groups] of debts) this.#checkGroups(entry, groups, surplus, got, where)
    return { messages, changes }
  }

  /** Each group has had one, and nobody has had one for no group. */
  #checkGroups(
    entry: string,
    groups: readonly GroupDebt[],
    surplus: ReadonlyMap<string, ReadonlySet<ModelClient>>,
    got: ReadonlyMap<string, ReadonlySet<ModelClient>>,
    where: string,
  ): void {
    expect(surplus.get(entry)?.size ?? 0, `${where}: members that got ${entry}`).toBeLessThanOrEqual(groups.length)
    // Who left has got what is not counted: whose last words these are, nobody can say.
    if (entry.includes(' will ')) return
    for (const { members, except } of groups) {
      const able = members.filter((member) => member !== except)
      const has = able.some((member) => got.get(entry)?.has(member))
      expect(able.length === 0 || has, `${where}: ${entry} for a group of ${members.length}`).toBe(true)
      expect(except !== undefined && surplus.get(entry)?.has(except), `${where}: ${entry} came back`).toBeFalsy()
    }
  }
}

function isMessage(entry: string): boolean {
  return !/^(presence|error) /.test(entry)
}

/** What one publishes to one channel comes in its order. */
function inOrder(came: readonly string[], where: string): void {
  const last = new Map<string, number>()
  for (const entry of came) {
    const [, channel = '', publisher = '', serial = ''] = /^(\S+) (\d+)[.](\d+)$/.exec(entry) ?? []
    if (channel === '') continue
    const flow = `${channel} ${publisher}`
    expect(Number(serial), `${where}: the order of ${entry}`).toBeGreaterThan(last.get(flow) ?? 0)
    last.set(flow, Number(serial))
  }
}

/** What `all` has more of. */
function difference(all: readonly string[], without: readonly string[]): string[] {
  const counts = new Map<string, number>()
  for (const one of without) counts.set(one, (counts.get(one) ?? 0) + 1)
  return all.filter((one) => {
    const count = counts.get(one) ?? 0
    if (count > 0) counts.set(one, count - 1)
    return count === 0
  })
}
