import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { RecordedServer } from '@halyard/testkit'
import type { RecordedStep } from '@halyard/testkit'
import { describe, expect, it, onTestFinished } from 'vitest'

async function open(...recordings: readonly (readonly RecordedStep[])[]): Promise<RecordedServer> {
  const server = await RecordedServer.open(recordings)
  onTestFinished(() => server[Symbol.asyncDispose]())
  return server
}

function dial(server: RecordedServer): Socket {
  const socket = connect(server.port, '127.0.0.1').on('error', () => {})
  onTestFinished(() => void socket.destroy())
  return socket
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => void socket.resume().once('close', () => resolve()))
}

describe('a recorded server', () => {
  it('answers what it expects, with what it was told', async () => {
    const server = await open([
      { client: "32 [ ('a/') <id:2> <rest:*> ]" },
      { server: "30 [ ('b/') '{\"req\":' <id#> '}' <rest> ] 40 02 <id>" },
    ])
    const socket = dial(server)
    for (const byte of Buffer.from('32080002612f01027879', 'hex')) socket.write(Buffer.of(byte))
    let got = ''
    while (got.length < 42) got += ((await once(socket, 'data')) as [Buffer])[0].toString('hex')
    expect(got).toBe(`30110002${Buffer.from('b/{"req":258}xy').toString('hex')}40020102`)
    await server.played()
  })

  it('plays one recording for each connection, and takes no more of them', async () => {
    const server = await open([{ client: "'1'" }, { end: 'fin' }], [{ client: "'2'" }, { end: 'reset' }])
    const first = dial(server)
    first.write('1')
    await once(first.resume(), 'end')
    const second = dial(server)
    second.write('2')
    await closed(second)
    await server.played()
    await closed(dial(server))
  })

  it('names the step and the byte that differ', async () => {
    const server = await open([{ client: "'AB'" }, { client: '[ 01 02 ]' }])
    dial(server).write(Buffer.from('AB\u0002\u0001\u0003'))
    await expect(server.played()).rejects.toThrow(
      'connection 1, step 2: expected [ 01 02 ], got 020103; 03 instead of 02 at 2',
    )
  })

  it.each([
    ['less than a group holds', "( 'ab' )", '000161', 'ends at 3, where more was expected'],
    ['more than a group holds', "( 'a' )", '00026162', '1 bytes more than expected at 3'],
    ['a hole that nothing filled', '<id>', '00', 'nothing was taken over as <id>'],
  ])('fails on %s', async (_name, client, bytes, message) => {
    const server = await open([{ client }])
    dial(server).write(Buffer.from(bytes, 'hex'))
    await expect(server.played()).rejects.toThrow(message)
  })

  it('fails when the client leaves before the end', async () => {
    const server = await open([{ client: "'hello'" }])
    dial(server).end('hell')
    await expect(server.played()).rejects.toThrow("connection 1 ended before step 1: 'hello'")
  })

  it.each([
    ['[ 01', '[ is not closed'],
    ['01 )', ') closes nothing'],
    ['( 01 ]', '] closes nothing'],
    ['0', 'no template: 0'],
  ])('refuses the template %s', async (server, message) => {
    await expect(RecordedServer.open([[{ server }]])).rejects.toThrow(message)
  })
})
