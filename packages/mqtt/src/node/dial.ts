import { connect } from 'node:net'
import type { Dial } from '../transport.ts'
export const dial: Dial = (address, _o, events) => {
  const s = connect({ host: address.host, port: address.port, noDelay: true })
  s.on('connect', () => events.opened())
  s.on('data', (d) => events.received(d))
  s.on('drain', () => events.drained())
  let over = false
  s.on('error', (e) => {
    if (!over) {
      over = true
      events.closed(e)
    }
  })
  s.on('close', () => {
    if (!over) {
      over = true
      events.closed()
    }
  })
  return {
    get waiting() {
      return s.writableLength
    },
    write: (b) => s.write(b),
    pause: () => void s.pause(),
    resume: () => void s.resume(),
    end: () => void s.end(),
    destroy: () => {
      over = true
      s.destroy()
    },
  }
}
