/** What an outbox goes through while its disk is cut or fails: each scenario is run once for every operation of the disk. */
import type { Answer, Peer, Stage } from './stage.ts'

export const SCENARIOS: Readonly<Record<string, (stage: Stage) => Promise<void>>> = {
  /** Queued while nobody delivers, by priority; then delivered, refused, tried again; a restart in between. */
  async queueAndDeliver(stage) {
    await stage.open()
    for (const priority of ['normal', 'low', 'high'] as const) {
      stage.send('a', { priority })
      stage.send('b', { priority })
    }
    await stage.settle()
    for (let index = 0; index < 3; index++) stage.send('a')
    await stage.settle()
    let failures = 2
    stage.attach('a', () => (failures-- > 0 ? 'retry' : 'delivered'))
    await stage.pass(0)
    await stage.reopen()
    stage.attach('a', () => 'delivered')
    stage.attach('b', ({ id }) => (id.endsWith('1') ? 'refused' : 'delivered'))
    await stage.pass(60)
    const known = stage.send('b')
    await stage.settle()
    stage.sendAgain(known)
    await stage.settle()
    await stage.close()
  },

  /** Whatever ends a message besides the peer: a newer one, its age, the caller, a full outbox. */
  async waysToEnd(stage) {
    await stage.open({ maxMessages: 6, overflow: 'drop-oldest' })
    stage.send('a', { latest: 'temperature' })
    stage.send('a', { latest: 'temperature' })
    await stage.settle()
    stage.send('a', { latest: 'temperature' })
    stage.send('b', { expires: 5 })
    const taken = stage.send('b')
    stage.send('b', { expires: 500 })
    await stage.settle()
    // If its fate cannot be written before the outbox closes, that is said so.
    void stage.outbox?.drop(taken).catch(() => false)
    await stage.pass(6)
    for (let index = 0; index < 6; index++) {
      stage.send('b', { priority: index % 2 === 0 ? 'low' : 'normal' })
      await stage.settle()
    }
    await stage.reopen({ maxMessages: 4, overflow: 'drop-newest' })
    stage.send('b')
    stage.send('a', { latest: 'temperature' })
    await stage.settle()
    stage.attach('a', () => 'delivered')
    await stage.pass(600)
    const first = stage.send('b')
    stage.send('b')
    stage.send('b', { latest: 'pressure' })
    await stage.settle()
    void stage.outbox?.drop(first).catch(() => false)
    stage.attach('b', () => 'delivered')
    stage.send('b', { latest: 'pressure' })
    await stage.settle()
    await stage.close()
  },

  /** Messages whose second copy would be worse than none: done, begun when the process ends, certainly not begun. */
  async atMostOnce(stage) {
    await stage.open()
    for (let index = 0; index < 3; index++) stage.send('sms')
    await stage.settle()
    let attempts = 0
    // The second goes wrong in a way that nobody can tell from success.
    stage.attach('sms', () => (++attempts === 2 ? 'throw' : 'delivered'))
    await stage.pass(120)
    await stage.reopen()
    stage.attach('sms', () => 'delivered')
    for (let index = 0; index < 3; index++) {
      stage.send('sms')
      await stage.settle()
    }
    await stage.close()
  },

  /** Segments fill and go while old messages stay: their records are carried along, and the ledger's. */
  async compaction(stage) {
    await stage.open()
    for (let index = 0; index < 3; index++) stage.send('b', { size: 60 })
    stage.send('sms')
    await stage.settle()
    stage.attach('a', () => 'delivered')
    // One that may go out once is on the wire while its segment would go.
    let answer: (outcome: 'delivered') => void = () => {}
    stage.attach('sms', () => new Promise((resolve) => (answer = resolve)))
    for (let round = 0; round < 8; round++) {
      for (let index = 0; index < 3; index++) stage.send('a', { size: 500 })
      if (round === 5) answer('delivered')
      await stage.settle()
    }
    await stage.reopen()
    stage.attach('a', () => 'delivered')
    for (let index = 0; index < 6; index++) {
      stage.send('a', { size: 500 })
      await stage.settle()
    }
    stage.attach('b', () => 'delivered')
    await stage.settle()
    await stage.close()
  },

  /** Several on the wire at once, which get to stages; segments go while the marks of the stages stay. */
  async stages(stage) {
    await stage.open()
    for (let index = 0; index < 4; index++) stage.send('stages')
    await stage.settle()
    const begin: Peer = async (message, options): Promise<Answer> => {
      if (message.stage === 0) await stage.reach(message, 1, options)
      return 'retry'
    }
    stage.attach('stages', begin, { pipeline: 3 })
    await stage.settle()
    stage.attach('a', () => 'delivered')
    for (let round = 0; round < 5; round++) {
      for (let index = 0; index < 3; index++) stage.send('a', { size: 500 })
      await stage.settle()
    }
    await stage.reopen()
    stage.attach('a', () => 'delivered')
    const goOn: Peer = async (message, options): Promise<Answer> => {
      await stage.reach(message, message.stage + 1, options)
      return message.stage === 0 ? 'retry' : 'delivered'
    }
    stage.attach('stages', goOn, { pipeline: 2 })
    for (let round = 0; round < 3; round++) {
      for (let index = 0; index < 3; index++) stage.send('a', { size: 500 })
      await stage.settle()
    }
    await stage.pass(60)
    await stage.close()
  },

  /** Bursts: many messages in one group, more while it is being written, closed in the middle. */
  async bursts(stage) {
    await stage.open({ ordered: true, concurrency: 2 })
    stage.attach('a', () => 'delivered')
    for (let index = 0; index < 12; index++) stage.send(index % 3 === 0 ? 'b' : 'a')
    await new Promise(setImmediate)
    for (let index = 0; index < 12; index++) stage.send('a', { size: 200 })
    await stage.settle()
    for (let index = 0; index < 5; index++) stage.send(index % 2 === 0 ? 'a' : 'b', { latest: 'x' })
    await stage.close()
    await stage.open()
    stage.attach('a', () => 'delivered')
    stage.attach('b', () => 'delivered')
    await stage.settle()
    await stage.close()
  },
}
