/** `halyard hub`: a hub in this process until a signal ends it. */
import { setFlagsFromString } from 'node:v8'
import type { Hub, HubOptions } from '@halyard/hub'
import type { Context } from '../context.ts'
import type { InterruptSignal } from '../terminal.ts'
import { paint } from '../text/paint.ts'
import { commandName, ownScript } from './command-name.ts'
import { willBeFirstStart } from './first-start.ts'
import type { HubFlags } from './flags.ts'
import { hubLogger } from './log.ts'
import { readHubOptions } from './options.ts'
import { welcomeLines } from './welcome.ts'
import type { Welcome } from './welcome.ts'

const DEFAULT_HOST = '127.0.0.1'

export async function runHub(flags: HubFlags, context: Context): Promise<number> {
  const { terminal, load } = context
  const options = await readHubOptions(flags, terminal.environment)
  if (flags.demo === true) {
    const { runDemo } = await import('../demo/run.ts')
    return runDemo(options, (hub, isFirstStart) => welcomeOf(hub, options, isFirstStart, context), context)
  }
  // Listened to from here on: who stops a hub that is just starting means it.
  const interrupted = nextInterrupt(context)
  try {
    const isFirstStart = willBeFirstStart(options)
    keepYoungSmall()
    const { createHub } = await load.hub()
    const logger = hubLogger((line) => terminal.error(line), terminal.environment)
    const hub = await createHub({ ...options, logger })
    // The start of a worker has taken it back, for the whole process.
    keepYoungSmall()
    try {
      if (flags.json === true) terminal.print(JSON.stringify(hub.ready))
      else sayWelcome(welcomeOf(hub, options, isFirstStart, context), context)
      await interrupted.signal
      if (flags.json !== true)
        terminal.error('Stopping: what is in flight finishes first. Ctrl-C again ends it at once.')
    } finally {
      await hub.close()
    }
    if (flags.json === true) terminal.print(JSON.stringify({ event: 'stopped' }))
    else terminal.print('The hub has stopped.')
    return 0
  } finally {
    interrupted[Symbol.dispose]()
  }
}

/**
 * What sockets are read into is memory outside of V8's heap, and dead at once. Small young generations free it for nothing;
 * grown ones leave it to full collections. docs/decisions/015-a-small-young-generation.md
 */
function keepYoungSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1')
}

function welcomeOf(hub: Hub, { host = DEFAULT_HOST }: HubOptions, isFirstStart: boolean, context: Context): Welcome {
  const { environment } = context.terminal
  const command = commandName({ cwd: process.cwd(), environment, script: ownScript() })
  return { ready: hub.ready, host, isFirstStart, command }
}

function sayWelcome(welcome: Welcome, { terminal }: Context): void {
  for (const line of welcomeLines(welcome, paint(terminal.colour.output))) terminal.print(line)
}

function nextInterrupt({ terminal }: Context): Disposable & { readonly signal: Promise<InterruptSignal> } {
  let registration: Disposable | undefined
  const signal = new Promise<InterruptSignal>((resolve) => (registration = terminal.onInterrupt(resolve)))
  return { signal, [Symbol.dispose]: () => registration?.[Symbol.dispose]() }
}
