/** mosquitto_pub, mosquitto_sub and mosquitto_rr 2.0.11 as Debian has them. */
import { describe, expect, it } from 'vitest'
import { until } from '../../support.ts'
import { useCertificates } from './support/certificates.ts'
import { serve } from './support/served.ts'
import type { Served } from './support/served.ts'
import { Tool, Tools, messagesOf } from './support/tools.ts'
import type { ToolVersion } from './support/tools.ts'

const certificates = useCertificates()

/** Its messages, when there are so many. */
async function messages(tool: Tool, count: number): Promise<string[]> {
  await until(`${count} messages in ${tool.output}${tool.errors}`, () => messagesOf(tool.lines()).length >= count)
  return messagesOf(tool.lines())
}

describe.each(
  (['tcp', 'tls'] as const).flatMap((transport) =>
    (['mqttv31', 'mqttv311', 'mqttv5'] as const).map((version) => ({ transport, version })),
  ),
)('$version, $transport', ({ transport, version }) => {
  const open = async (): Promise<{ served: Served; tools: Tools }> => {
    const served = await serve(certificates())
    return { served, tools: toolsOf(served, version) }
  }
  const toolsOf = (served: Served, spoken: ToolVersion): Tools =>
    new Tools(served, spoken, transport === 'tls' ? certificates() : undefined)

  it('publish and subscribe, QoS 0 to 2, lines and files', async () => {
    const { tools } = await open()
    const sub = await tools.subscribe('-q', '2', '-t', 'a/+', '-t', 'b/#', '-F', '%t %q %r %p')
    for (const qos of ['0', '1', '2']) await tools.publish('-t', `a/${qos}`, '-q', qos, '-m', `Grüße ${qos}`)
    const lines = tools.start('pub', '-t', 'b/lines', '-q', '1', '-l')
    lines.write('one\ntwo\nthree\n')
    expect((await lines.finished).code).toBe(0)
    const whole = tools.start('pub', '-t', 'b', '-q', '2', '-s')
    whole.write('x'.repeat(500_000))
    expect((await whole.finished).code).toBe(0)
    await tools.publish('-t', 'c', '-m', 'not for it')
    const text = Buffer.from('Grüße').toString('latin1')
    expect(await messages(sub, 7)).toEqual([
      ...['0', '1', '2'].map((qos) => `a/${qos} ${qos} 0 ${text} ${qos}`),
      ...['one', 'two', 'three'].map((line) => `b/lines 1 0 ${line}`),
      `b 2 0 ${'x'.repeat(500_000)}`,
    ])
  })

  it('a wrong password, and none', async () => {
    const { served } = await open()
    const strangers = { ...served, account: { username: served.account.username, password: 'wrong' } }
    const pub = await toolsOf(strangers, version).run('pub', '-t', 'a', '-m', 'x')
    const [code, said] = version === 'mqttv5' ? [134, 'Bad User Name or Password'] : [4, 'bad user name or password']
    expect(pub.errors.toLowerCase()).toContain(said.toLowerCase())
    expect([code, 5]).toContain(pub.code)
  })

  it('-c: what came while it was away, and session present', async () => {
    const { tools } = await open()
    const expiry = version === 'mqttv5' ? ['-x', '600'] : []
    const persistent = ['-c', '-i', 'keeper', '-q', '2', '-t', 'p/#', ...expiry]
    const first = await tools.subscribe(...persistent)
    first.kill('SIGTERM')
    await first.finished
    for (const qos of ['1', '2']) await tools.publish('-t', 'p/x', '-q', qos, '-m', `away ${qos}`)
    const again = tools.start('sub', ...persistent, '-C', '2', '-W', '20')
    expect((await again.finished).output).toBe('away 1\naway 2\n')
  })

  it('retained messages: -R, --retained-only, --remove-retained, -W', async () => {
    const { tools } = await open()
    for (const name of ['x', 'y']) await tools.publish('-t', `r/${name}`, '-r', '-q', '1', '-m', name)
    const only = await tools.run('sub', '-t', 'r/#', '--retained-only', '-v', '-C', '2', '-W', '20')
    expect(only).toMatchObject({ code: 0 })
    expect(only.output.split('\n').toSorted().join('\n')).toBe('\nr/x x\nr/y y')
    // 27: the time is up. (With -C it hangs behind its DISCONNECT, at Mosquitto's own broker too.)
    const removed = await tools.run('sub', '-t', 'r/#', '--remove-retained', '-W', '1', '-F', '%r %p')
    expect(removed.code).toBe(27)
    expect(
      removed.output
        .split('\n')
        .filter((line) => line.startsWith('1'))
        .toSorted(),
    ).toEqual(['1 x', '1 y'])
    expect(await tools.run('sub', '-t', 'r/#', '-W', '1')).toMatchObject({ code: 27, output: '' })
    await tools.publish('-t', 'r/x', '-r', '-m', 'stale')
    const fresh = await tools.subscribe('-t', 'r/#', '-R')
    await tools.publish('-t', 'r/x', '-m', 'fresh')
    expect(await messages(fresh, 1)).toEqual(['fresh'])
    await tools.publish('-t', 'r/x', '-r', '-n')
    expect(await tools.run('sub', '-t', 'r/#', '-W', '1')).toMatchObject({ code: 27, output: '' })
  })

  it('a will of who is killed, none of who ends', async () => {
    const { tools } = await open()
    const observer = await tools.subscribe('-t', 'will/#', '-v', '-q', '1')
    const will = (name: string): string[] => [
      ...['-t', 'x', '--will-topic', `will/${name}`, '--will-payload', 'gone', '--will-qos', '1', '--will-retain'],
    ]
    const polite = await tools.subscribe(...will('polite'), '-C', '1')
    await tools.publish('-t', 'x', '-q', '1', '-m', 'that was it')
    await polite.finished
    const killed = await tools.subscribe(...will('killed'))
    killed.kill()
    expect(await messages(observer, 1)).toEqual(['will/killed gone'])
    const late = await tools.run('sub', '-t', 'will/#', '-v', '-C', '1', '-W', '20')
    expect(late.output).toBe('will/killed gone\n')
    // In 5.0 it says 0x04 on SIGTERM: goodbye, and the will all the same.
    const terminated = await tools.subscribe(...will('terminated'))
    terminated.kill('SIGTERM')
    await terminated.finished
    await tools.publish('-t', 'will/end', '-q', '1', '-m', 'end')
    const heard = (await messages(observer, version === 'mqttv5' ? 3 : 2)).slice(1)
    expect(heard).toEqual([...(version === 'mqttv5' ? ['will/terminated gone'] : []), 'will/end end'])
  })

  it('versions meet: what one publishes the others get', async () => {
    const { served, tools } = await open()
    const others = (['mqttv31', 'mqttv311', 'mqttv5'] as const).map((spoken) => toolsOf(served, spoken))
    const subs = await Promise.all(others.map((other) => other.subscribe('-t', 'all', '-q', '2')))
    await tools.publish('-t', 'all', '-q', '2', '-m', 'hello')
    for (const sub of subs) expect(await messages(sub, 1)).toEqual(['hello'])
  })

  if (version !== 'mqttv31') {
    it('mosquitto_rr asks and is answered', async () => {
      const { tools } = await open()
      const service = await tools.subscribe('-t', 'ask', '-q', '1', '-F', '%p %R')
      const asking = tools.start('rr', '-t', 'ask', '-e', 'answers/1', '-q', '1', '-m', 'question', '-W', '20')
      const [question = ''] = await messages(service, 1)
      const responseTopic = version === 'mqttv5' ? 'answers/1' : ''
      expect(question).toBe(`question ${responseTopic}`)
      await tools.publish('-t', 'answers/1', '-q', '1', '-m', 'answer')
      expect(await asking.finished).toMatchObject({ code: 0, output: 'answer\n' })
    })
  }

  it('what it may not publish', async () => {
    const { tools } = await open()
    const { code, errors } = await tools.run('pub', '-t', '$SYS/mine', '-q', '1', '-m', 'x')
    // 3.1 and 3.1.1 have no way to say so: acknowledged, and nobody gets it.
    if (version === 'mqttv5') expect(errors).toContain('Not authorized')
    else expect([code, errors]).toEqual([0, ''])
  })
})

it('mqttv5 properties: user properties, content type, expiry, identifiers, aliases', async () => {
  const tools = new Tools(await serve(certificates()), 'mqttv5')
  const sub = await tools.subscribe(
    '-t',
    'v5',
    '-q',
    '1',
    '-F',
    '%t|%p|%C|%P|%E|%S|%A',
    '-D',
    'subscribe',
    'subscription-identifier',
    '9',
  )
  await tools.publish(
    ...['-t', 'v5', '-q', '1', '-m', 'x', '-D', 'publish', 'content-type', 'text/plain'],
    ...['-D', 'publish', 'user-property', 'unit', 'C', '-D', 'publish', 'message-expiry-interval', '100'],
  )
  expect(await messages(sub, 1)).toEqual(['v5|x|text/plain|unit:C|100|9|'])
})

it('a client certificate of the authority, and the password beside it', async () => {
  const served = await serve(certificates(), { clientCertificates: true })
  const tools = new Tools(served, 'mqttv311', certificates())
  const { clientCert, clientKey } = certificates()
  const sub = await tools.subscribe('-t', 'certified', '--cert', clientCert, '--key', clientKey)
  await tools.publish('-t', 'certified', '-m', 'hello')
  expect(await messages(sub, 1)).toEqual(['hello'])
})

it('without --cafile the hub is not trusted', async () => {
  const served = await serve(certificates())
  const { code } = await new Tools(served, 'mqttv311').run('pub', '--tls-use-os-certs', '-t', 'a', '-m', 'x')
  expect(code).not.toBe(0)
})

it('no account: anonymous if the hub allows it, else refused', async () => {
  const anonymous = await serve(certificates(), { anonymous: true })
  const bare = (port: number, name: 'pub' | 'sub', ...args: string[]): Tool =>
    new Tool(`mosquitto_${name}`, ['-h', 'localhost', '-p', String(port), ...args])
  const sub = bare(anonymous.mqttPort, 'sub', '-t', '#', '-d')
  await sub.said('Subscribed (mid: 1)')
  expect(await bare(anonymous.mqttPort, 'pub', '-t', 'a', '-m', 'x').finished).toMatchObject({ code: 0 })
  expect(await messages(sub, 1)).toEqual(['x'])
  const closed = await serve(certificates())
  const refused = await bare(closed.mqttPort, 'pub', '-t', 'a', '-m', 'x').finished
  expect(refused.errors).toContain('not authorised')
})
