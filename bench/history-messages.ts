/** What the history of the bench is made of: number by number, the same in every run. */

export interface StoredMessage {
  readonly id: string
  readonly space: 'mqtt'
  readonly service: 'mqtt'
  readonly account: string
  readonly channel: string
  readonly direction: 'in'
  readonly payload: Uint8Array
  readonly receivedAt: Date
}

export const START: number = Date.UTC(2026, 0, 1)
const PAYLOAD = new Uint8Array(64)

/** The message with this number of so many; one every 10 ms. */
export function historyMessage(number: number, of: number): Omit<StoredMessage, 'id'> {
  return {
    space: 'mqtt',
    service: 'mqtt',
    account: `device${number % 5000}`,
    channel: channelOf(number, of),
    direction: 'in',
    payload: PAYLOAD,
    receivedAt: new Date(START + number * 10),
  }
}

function channelOf(number: number, of: number): string {
  const tenth = Math.floor(of / 10)
  // Ten of each in all, evenly spread.
  if (number % tenth === 100) return 'alarm/cellar/smoke'
  if (number % tenth === 200) return `lab/bench${Math.floor(number / tenth) % 5}/light`
  if (number % tenth === 300) return `gate${Math.floor(number / tenth)}/door/open`
  if (number % Math.floor(of / 1000) === 50) return `fleet/${Math.floor(number / (of / 1000))}/position`
  if (number <= of / 20) return `old/${number % 50_000}/state`
  const mixed = Math.imul(number, 0x9e3779b1) >>> 0
  const choice = mixed % 100
  const which = (mixed >>> 8) % 10_000
  if (choice === 0) return 'meter/main/power'
  if (choice <= 10) return `plant/${which % 1000}/s${Math.floor(which / 1000)}`
  return `house${(mixed >>> 8) % 20_000}/room${choice % 20}/temperature`
}
