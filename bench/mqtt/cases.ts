/** What is measured through a socket, and what it must reach: issue 4, “Fast”. */
import type { LoadOptions } from './load.ts'

export interface Case {
  readonly name: string
  readonly load: LoadOptions
  /** Times Mosquitto's rate. The goal is one and a half times the floor. */
  readonly floor: number
}

export const GOAL_OVER_FLOOR = 1.5

const ONE_TO_ONE: LoadOptions = { publishers: 1, subscribers: 1, topics: 100, window: 2000 }
/** Fewer messages under way: each is a hundred. */
const ONE_TO_100: LoadOptions = { publishers: 1, subscribers: 100, topics: 100, window: 500 }
const HUNDRED_TO_ONE: LoadOptions = { publishers: 100, subscribers: 1, fan_in: 1, window: 2000 }
const KIB = { size: 1024, window: 500 }

export const CASES: readonly Case[] = [
  { name: 'QoS 0, one to one, 100 B', load: ONE_TO_ONE, floor: 10 },
  { name: 'QoS 0, one to one, 1 KiB', load: { ...ONE_TO_ONE, ...KIB }, floor: 10 },
  { name: 'QoS 0, one to 100, 100 B', load: ONE_TO_100, floor: 10 },
  { name: 'QoS 0, one to 100, 1 KiB', load: { ...ONE_TO_100, ...KIB }, floor: 10 },
  { name: 'QoS 0, 100 to one, 100 B', load: HUNDRED_TO_ONE, floor: 10 },
  { name: 'QoS 0, 100 to one, 1 KiB', load: { ...HUNDRED_TO_ONE, size: 1024 }, floor: 10 },
  { name: 'QoS 1, one to one, 100 B', load: { ...ONE_TO_ONE, qos: 1, window: 1000 }, floor: 10 },
  { name: 'QoS 1, one to 100, 100 B', load: { ...ONE_TO_100, qos: 1 }, floor: 6 },
  { name: '100 publishers, one each in flight', load: { ...HUNDRED_TO_ONE, window: 100 }, floor: 1.5 },
  { name: '1,000 publishers, one each in flight', load: { publishers: 1000, fan_in: 1, window: 1000 }, floor: 1.5 },
  { name: 'one at a time to 1,000', load: { subscribers: 1000, window: 1 }, floor: 1.3 },
  { name: 'ping-pong', load: { window: 1 }, floor: 0.9 },
]
