/**
 * The least that a cloud which keeps what it acknowledges can be: `append-server.ts FILE` appends each request to one
 * file and answers `[0,0]` behind the sync that covers it; what comes during a sync shares the next. It checks no key.
 */
import { open } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

const [path = ''] = process.argv.slice(2)
const file = await open(path, 'a')
let waiting: { readonly request: string; readonly socket: Socket }[] = []
let isWriting = false

async function write(): Promise<void> {
  isWriting = true
  while (waiting.length > 0) {
    const batch = waiting
    waiting = []
    await file.write(batch.map(({ request }) => request).join('\n'))
    await file.datasync()
    for (const { socket } of batch) socket.end('[0,0]')
  }
  isWriting = false
}

const server = createServer({ noDelay: true }, (socket) => {
  let request = ''
  socket.on('error', () => {})
  socket.on('data', (chunk) => {
    request += chunk.toString('latin1')
    if (!request.endsWith('\r\r')) return
    waiting.push({ request, socket })
    if (!isWriting) void write()
  })
})
server.listen(0, '127.0.0.1', 1024, () => process.send?.((server.address() as AddressInfo).port))
process.on('disconnect', () => process.exit())
