import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { describe, expect, it } from 'vitest'
import { answer, closedPort, openPeer } from '../peer.ts'
import { push } from '../sender.ts'
import { makeCloud, root, runCode } from './scripts.ts'

const HERE = `receiveHost: '127.0.0.1', receivePort: 0`

interface Program {
  readonly child: ChildProcess
  /** Lines of standard output. */
  readonly line: () => Promise<string>
}

function start(code: string): Program {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', code], {
    cwd: root,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  return { child, line: async () => String((await lines.next()).value) }
}

describe('the process', () => {
  it('is not kept alive by the inbound socket that was opened by default', async () => {
    const code = `${makeCloud(9999, `${HERE}, enableInbound: undefined`)}
      while (cloud.receivePort === 0) await new Promise(setImmediate)
      console.log(process.getActiveResourcesInfo().includes('TCPServerWrap'), cloud.receivePort > 0)`
    expect(await runCode(code)).toBe('false true\n')
  })

  it('nor by a connection that came in there', async () => {
    const code = `${makeCloud(9999, `${HERE}, enableInbound: undefined`)}
      import { connect } from 'node:net'
      while (cloud.receivePort === 0) await new Promise(setImmediate)
      const socket = connect(cloud.receivePort, '127.0.0.1')
      await new Promise((resolve) => socket.write('half', resolve))
      socket.unref()
      const begun = performance.now()
      process.on('exit', () => console.log(performance.now() - begun < 4_000 ? 'done' : 'late'))`
    expect(await runCode(code)).toBe('done\n')
  })

  it.each([
    ['enableInbound: true', `${HERE}, enableInbound: true`, ''],
    ['openReceiveSocket()', HERE, 'await cloud.openReceiveSocket()'],
    [
      'openReceiveSocket() on the one opened by default',
      `${HERE}, enableInbound: undefined`,
      'await cloud.openReceiveSocket()',
    ],
  ])('is kept alive by one that was asked for, until it is closed: %s', async (_name, options, then) => {
    const program = start(`${makeCloud(9999, options)} ${then}
      while (cloud.receivePort === 0) await new Promise(setImmediate)
      console.log(cloud.receivePort)
      cloud.event.subscribe('message.received', ({ text }) => {
        console.log(text)
        if (text === 'bye!') void cloud.closeReceiveSocket()
      })`)
    const port = Number(await program.line())
    await push(port, 'hey there!')
    expect(await program.line()).toBe('hey there!')
    await push(port, 'bye!')
    expect(await program.line()).toBe('bye!')
    expect(await once(program.child, 'exit')).toEqual([0, null])
  })

  it('is kept alive by an open for await, until that is left', async () => {
    const program = start(`${makeCloud(9999, `${HERE}, enableInbound: undefined`)}
      while (cloud.receivePort === 0) await new Promise(setImmediate)
      console.log(cloud.receivePort)
      for await (const { text } of cloud.receivedMessages()) {
        console.log(text)
        break
      }`)
    const port = Number(await program.line())
    await push(port, 'only one')
    expect(await program.line()).toBe('only one')
    expect(await once(program.child, 'exit')).toEqual([0, null])
  })

  it('is kept alive by a periodic message, until it is stopped', async () => {
    await using peer = await openPeer(answer('[0,0]'))
    const code = `${makeCloud(peer.port)}
      let count = 0
      cloud.event.subscribe('message.sent', () => {
        console.log(++count)
        if (count === 2) void cloud.stopPeriodicMessage()
      })
      cloud.sendPeriodicMessage(1, 'x')`
    expect(await runCode(code)).toBe('1\n2\n')
  })

  it('opens nothing in the turn of the constructor, and nothing at all when that throws', async () => {
    const port = await closedPort()
    const options = `{ receiveHost: '127.0.0.1', receivePort: ${port}, enableInbound: true }`
    const code = `
      import { HologramCloud } from '@halyard/hologram'
      const listens = () => process.getActiveResourcesInfo().includes('TCPServerWrap')
      let thrown
      try {
        new HologramCloud({ cloud_id: '1' }, ${options})
      } catch (error) {
        thrown = error.code
      }
      await new Promise(setImmediate)
      console.log(thrown, listens())
      const cloud = new HologramCloud({ cloud_id: '1234', cloud_key: '5678' }, ${options})
      console.log(listens())
      await cloud.openReceiveSocket()
      console.log(listens())
      await cloud.close()`
    expect(await runCode(code)).toBe('ERR_HOLOGRAM_CREDENTIALS false\nfalse\ntrue\n')
  })

  it('leaves nothing unhandled when the port is taken, by default or asked for', async () => {
    await using holder = await openPeer(() => {})
    for (const enableInbound of ['undefined', 'true']) {
      const options = `receiveHost: '127.0.0.1', receivePort: ${holder.port}, enableInbound: ${enableInbound}`
      const code = `${makeCloud(9999, options)} await new Promise(setImmediate); await cloud.close(); console.log('fine')`
      expect(await runCode(code)).toBe('fine\n')
    }
  })

  it('costs nothing while it waits; the original burns 64 % of a core in its accept loop, ours does not', async () => {
    const code = `${makeCloud(9999, `${HERE}, enableInbound: true`)}
      await cloud.openReceiveSocket()
      const before = process.cpuUsage()
      await new Promise((resolve) => setTimeout(resolve, 1000))
      const { user, system } = process.cpuUsage(before)
      console.log((user + system) / 1e6)
      await cloud.close()`
    expect(Number(await runCode(code))).toBeLessThan(0.1)
  })

  it('holds no more than its limits in a flood of connections that say nothing more', async () => {
    const program = start(`${makeCloud(9999, HERE)}
      await cloud.openReceiveSocket()
      console.log(cloud.receivePort)
      await new Promise((resolve) => process.stdin.once('data', resolve))
      global.gc?.()
      console.log(process.memoryUsage().arrayBuffers)
      await cloud.close()
      process.stdin.destroy()`)
    const port = Number(await program.line())
    const { connect } = await import('node:net')
    const sockets = Array.from({ length: 300 }, () => connect(port, '127.0.0.1'))
    const piece = new Uint8Array(512 * 1024)
    await Promise.all(
      sockets.map(async (socket) => {
        socket.on('error', () => {})
        await new Promise<void>((resolve) => {
          socket.once('close', () => resolve())
          socket.once('connect', () => socket.write(piece, () => resolve()))
        })
      }),
    )
    program.child.stdin?.write('go')
    // 8 MiB of messages, the room they grow into, and Node's own buffers.
    expect(Number(await program.line())).toBeLessThan(64 * 1024 * 1024)
    expect(await once(program.child, 'exit')).toEqual([0, null])
    for (const socket of sockets) socket.destroy()
  })
})
