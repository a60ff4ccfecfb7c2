import { HologramCloud } from '@halyard/hologram'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { answer, impatientOutbox, openPeer, recordingLogger, silence } from './peer.ts'

const SECRET = { cloud_id: '1234', cloud_key: 's3cr' }

afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

describe('the log', () => {
  it('has the documented form on standard error when HALYARD_LOG asks for it', async () => {
    vi.stubEnv('HALYARD_LOG', 'info')
    const write = vi.spyOn(console, 'error').mockImplementation(() => {})
    await using peer = await openPeer(answer('[0,0]'))
    await using cloud = new HologramCloud(SECRET, { sendHost: 'localhost', sendPort: peer.port, enableInbound: false })
    await cloud.sendMessage('hello')
    expect(write.mock.calls.flat()).toEqual([
      'INFO:HologramCloud:Connecting to localhost',
      'INFO:HologramCloud:Message sent successfully',
    ])
  })

  it('is silent without either', async () => {
    vi.stubEnv('HALYARD_LOG', '')
    const write = vi.spyOn(console, 'error').mockImplementation(() => {})
    await using peer = await openPeer(answer('[3,0]'))
    await using cloud = new HologramCloud(SECRET, { sendHost: 'localhost', sendPort: peer.port, enableInbound: false })
    await cloud.sendMessage('hello')
    expect(write).not.toHaveBeenCalled()
  })

  it('tells of refusals, of what waits and of what went later, and never the key', async () => {
    const logger = recordingLogger()
    await using peer = await openPeer(answer('[8,0]'))
    await using outbox = await impatientOutbox()
    await using cloud = new HologramCloud(SECRET, {
      sendHost: '127.0.0.1',
      sendPort: peer.port,
      enableInbound: false,
      outbox,
      logger,
    })
    await cloud.sendMessage('refused')
    peer.play(silence)
    const { id } = await cloud.sendMessage('late', { timeout: 0.05 })
    peer.play(answer('[0,0]'))
    await outbox.settled(id)
    const text = logger.lines.join('\n')
    expect(text).toContain('error:The message was refused: Topic was formatted incorrectly.')
    expect(text).toContain('warn:The message could not be sent: no answer within 0.05 s; it stays in the outbox')
    expect(text).toContain('info:A buffered message has been sent since an active connection is established')
    expect(text).toContain('debug:Sending message of length ')
    expect(text).not.toContain('s3cr')
  })
})
