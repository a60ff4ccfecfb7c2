import { describe, expect, it } from 'vitest'
import { ScryptPasswords } from '../src/passwords.ts'

const bytes = (text: string): Uint8Array => Buffer.from(text)

describe('passwords of people', () => {
  it('are right, wrong, and remembered until they change', async () => {
    const passwords = new ScryptPasswords()
    const kept = await passwords.hash(bytes('secret'))
    expect(kept).toMatchObject({ algorithm: 'scrypt', cost: 15 })
    expect(JSON.stringify(kept)).not.toContain('secret')
    expect((await passwords.hash(bytes('secret'))).hash).not.toBe(kept.hash)
    const first = passwords.check('ann', bytes('secret'), kept)
    expect(first).toBeInstanceOf(Promise)
    expect(await first).toBe('right')
    expect(passwords.check('ann', bytes('secret'), kept)).toBe('right')
    // What is remembered is this password of this account with this hash.
    expect(await passwords.check('ann', bytes('other'), kept)).toBe('wrong')
    expect(await passwords.check('bob', bytes('secret'), await passwords.hash(bytes('x')))).toBe('wrong')
    expect(await passwords.check('ann', bytes('secret'), await passwords.hash(bytes('new')))).toBe('wrong')
    expect(passwords.check('ann', bytes('secret'), undefined)).toBeInstanceOf(Promise)
    expect(await passwords.check('ann', bytes('secret'), undefined)).toBe('wrong')
  })

  it('nobody takes as long as somebody', async () => {
    const passwords = new ScryptPasswords()
    const kept = await passwords.hash(bytes('secret'))
    const time = async (account: typeof kept | undefined): Promise<number> => {
      const times: number[] = []
      for (let count = 0; count < 5; count++) {
        const before = performance.now()
        await passwords.check('a', bytes('wrong'), account)
        times.push(performance.now() - before)
      }
      return Math.min(...times)
    }
    const ratio = (await time(kept)) / (await time(undefined))
    expect(ratio).toBeGreaterThan(0.3)
    expect(ratio).toBeLessThan(3)
  })

  it('wait in a queue of 1,000; one more is told to come again, and what nobody wants is not looked at', async () => {
    const passwords = new ScryptPasswords()
    let wanted = true
    const waiting = Array.from({ length: 1002 }, (_, index) =>
      Promise.resolve(passwords.check(`a${index}`, bytes('x'), undefined, () => wanted)),
    )
    expect(passwords.check('late', bytes('x'), undefined)).toBe('busy')
    wanted = false
    const verdicts = await Promise.all(waiting)
    // Two at once were under way; nobody has waited for the others.
    expect(verdicts.filter((verdict) => verdict === 'wrong').length).toBeLessThanOrEqual(2)
    expect(verdicts.filter((verdict) => verdict === 'busy').length).toBeGreaterThanOrEqual(1000)
    expect(await passwords.check('late', bytes('x'), undefined)).toBe('wrong')
  })
})
