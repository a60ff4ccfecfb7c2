/** The demo as lines: a time, who, what. For pipes, logs and screen readers. */
import type { Terminal } from '../terminal.ts'
import { formatSeconds, formatTime } from '../text/units.ts'
import type { StoryEvents } from './story.ts'

export function plainView({ print }: Pick<Terminal, 'print'>): StoryEvents {
  const say = (at: Date, who: string, what: string): void => print(`${formatTime(at)}  ${who.padEnd(5)}  ${what}`)
  return {
    onArrival: ({ at, text, waited }) =>
      say(at, 'disk', `${text}${waited > 0 ? `  (waited ${formatSeconds(waited)})` : ''}`),
    onHappening: ({ at, text }) => say(at, 'event', text),
  }
}
