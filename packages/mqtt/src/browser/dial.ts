import type { Dial } from '../transport.ts'
export const dial: Dial = () => {
  throw new Error('being built')
}
