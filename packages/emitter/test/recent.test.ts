import { expect, it } from 'vitest'
import { EmitterMessage } from '../src/message.ts'
import { Recent } from '../src/recent.ts'

const message = (text: string): EmitterMessage => new EmitterMessage('a/', new TextEncoder().encode(text))

it('knows again what came before the last cut, and the one before it, as often as it came', () => {
  const recent = new Recent()
  for (const text of ['1', '2', '2']) recent.put(message(text))
  for (let cut = 0; cut < 3; cut++) {
    recent.again()
    expect(['1', '2', '2', '2', '3'].map((text) => recent.take(message(text)))).toEqual([
      true,
      true,
      true,
      false,
      false,
    ])
  }
})
