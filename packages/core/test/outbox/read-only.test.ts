/** `readOnly`: looks at what is there, beside a running owner too, and cannot change or send anything. */
import { describe, expect, it } from 'vitest'
import { Outbox, UsageError } from '@halyard/core'
import { DELIVERED, DEMO, Home, Peer, collect, errorOf, send, stateOf, textOf } from './support.ts'

describe('an outbox that is open for reading', () => {
  it('shows what its running owner has, and takes no lock from it', async () => {
    const home = new Home('path')
    await using owner = await home.open()
    const peer = new Peer()
    owner.attach(DEMO, peer.deliver)
    const first = send(owner, 'a', { id: 'a' })
    await peer.answer()
    await first
    await owner.settled('a').catch(() => {})
    owner.attach('demo:other', peer.deliver).hold()
    await send(owner, 'b', { id: 'b', to: 'demo:other' })

    const looker = await home.open({ readOnly: true })
    expect((await collect(looker.entries())).map(({ id, state }) => `${id} ${state}`)).toEqual([
      'a delivered',
      'b queued',
    ])
    expect(looker).toMatchObject({ depth: 1, bytes: 1 })
    expect((await collect(looker.messages())).map(({ id, body }) => `${id} ${textOf(body)}`)).toEqual(['b b'])
    await looker.close()

    await send(owner, 'c', { id: 'c', to: 'demo:other' })
    expect(owner.depth).toBe(2)
  })

  it('writes nothing, not even the drop of what has expired, was superseded or interrupted', async () => {
    const home = new Home('path')
    const owner = await home.open()
    await send(owner, 'a', { expires: 1 })
    await owner.close()
    await home.clock.advance(10_000)
    const before = home.disk.operations
    const changes: string[] = []
    home.disk.onOperation(({ kind, path }) => {
      if (!['open', 'read', 'size', 'close', 'readdir'].includes(kind)) changes.push(`${kind} ${path}`)
    })
    const looker = await home.open({ readOnly: true })
    expect(looker.depth).toBe(1)
    await home.clock.advance(60_000)
    await looker.close()
    expect(home.disk.operations).toBeGreaterThan(before)
    expect(changes).toEqual([])
  })

  it('refuses everything that would change it, and every wait that could never end', async () => {
    const home = new Home('path')
    const owner = await home.open()
    await send(owner, 'a', { id: 'a' })
    await owner.close()
    const looker = await home.open({ readOnly: true })
    const peer = new Peer().always(DELIVERED)
    const error = {
      code: 'ERR_OUTBOX_READ_ONLY',
      message:
        'the outbox is open for reading: it shows what was there when it was opened and changes nothing; ' +
        'open it without readOnly',
    }
    expect(await errorOf(send(looker, 'b'))).toMatchObject(error)
    expect(await errorOf(looker.drop('a'))).toMatchObject(error)
    expect(await errorOf(looker.settled('a'))).toMatchObject(error)
    expect(await errorOf(looker.idle())).toMatchObject(error)
    expect(() => looker.attach(DEMO, peer.deliver)).toThrow(UsageError)
    expect(peer.seen).toEqual([])
    await looker.close()
  })

  it('knows at once what was settled before', async () => {
    const home = new Home('path')
    const owner = await home.open()
    owner.attach(DEMO, new Peer().always(DELIVERED).deliver)
    await send(owner, 'a', { id: 'a' })
    await owner.idle()
    await owner.close()
    const looker = await home.open({ readOnly: true })
    expect(await looker.settled('a')).toMatchObject({ state: 'delivered' })
    expect(await stateOf(looker.idle())).toBe('resolved')
    await looker.close()
  })

  it('needs a directory that is there', async () => {
    const home = new Home('path')
    const error = await errorOf(home.open({ path: '/nowhere', readOnly: true }))
    expect(error).toMatchObject({
      name: 'StorageError',
      code: 'ERR_STORE_PATH',
      message: 'cannot open /nowhere: there is no such directory',
    })
    expect((await errorOf(Outbox.open({ readOnly: true }))).message).toBe(
      'readOnly must be used together with a path, not true',
    )
  })
})
