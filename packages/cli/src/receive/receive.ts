/** `halyard receive`: what others send to this machine, until the time is over or somebody interrupts it. */
import { HalyardError, UsageError, loggerFor } from '@halyard/core'
import type { Logger } from '@halyard/core'
import type { CustomCloud, ReceivedMessage } from '@halyard/hologram'
import { dryRun } from '../account/dry-run.ts'
import type { Context } from '../context.ts'
import { Interruption } from '../interrupt.ts'
import { bracketed } from '../text/bracketed.ts'
import { paint } from '../text/paint.ts'
import { count } from '../text/units.ts'
import { BusyListener } from './busy-listener.ts'
import type { ReceiveFlags } from './flags.ts'
import { bufferPrinter, jsonPrinter } from './print.ts'
import { readReception } from './settings.ts'
import type { Reception } from './settings.ts'

/**
 * Seconds after the end in which a message that has begun may be completed. As long as a silent peer takes to end one:
 * many senders keep their connection open to wait for an answer.
 */
const GRACE = 6

export async function receive(flags: ReceiveFlags, context: Context): Promise<number> {
  const { terminal } = context
  const reception = await readReception(flags, terminal.environment)
  const isJson = flags.json === true
  const printer = isJson ? jsonPrinter(terminal) : bufferPrinter(terminal)
  const { yellow } = paint(terminal.colour.error)
  const say = (text: string): void => terminal.error(`${yellow('halyard:')} ${text}`)
  // Of messages that were dropped one hears, also without a log; behind the line that is being written.
  const warnings = new Set<string>()
  const onWarning = isJson ? say : (text: string): void => void warnings.add(text)
  const { cloud, listener } = await openCloud(reception, onWarning, context)
  await using _open = cloud
  // They are of no use here, but who gives them wants to know.
  if (reception.credentials !== undefined) await dryRun((options) => cloud.sendMessage('', options))
  using interruption = new Interruption(terminal)
  await cloud.openReceiveSocket().catch(inOptions)

  // Where nothing else says that it listens, or on which port.
  if (isJson || reception.port === 0) say(`listening on ${bracketed(reception.host)}:${cloud.receivePort}`)
  printer.begin(reception.seconds)
  const printed = printAll(cloud, (message) => printer.message(message))

  await pause(reception.seconds, interruption.signal)
  await cloud.closeReceiveSocket()
  if (!interruption.signal.aborted) await within(listener.quiet(), GRACE, interruption.signal)
  const unfinished = listener.speaking
  await cloud.close()
  await printed
  printer.end()
  if (unfinished > 0) say(`${count(unfinished, 'message')} had begun and is not among them`)
  for (const text of warnings) say(text)
  return interruption.exitCode ?? 0
}

async function openCloud(
  { credentials, host, port }: Reception,
  onWarning: (text: string) => void,
  { load }: Context,
): Promise<{ readonly cloud: CustomCloud; readonly listener: BusyListener }> {
  const { CustomCloud, HologramCloud, tcpListener } = await load.hologram()
  const listener = new BusyListener(tcpListener())
  const logger = noticing(loggerFor(credentials ? 'HologramCloud' : 'CustomCloud'), onWarning)
  const options = { logger, receiveHost: host, receivePort: port, enableInbound: false }
  const cloud =
    credentials === undefined
      ? new CustomCloud(null, options, { listener })
      : new HologramCloud(credentials, options, { listener })
  return { cloud, listener }
}

/** Until the cloud is closed. */
async function printAll(cloud: CustomCloud, print: (message: ReceivedMessage) => void): Promise<void> {
  for await (const message of cloud.receivedMessages()) {
    print(message)
    // It would hold everything a second time.
    cloud.consumeReceivedMessage()
  }
}

/** What cannot be listened on, in the words of the command line. */
function inOptions(error: unknown): never {
  if (!(error instanceof HalyardError)) throw error
  const text = error.message.replace('receivePort', '--port').replace('receiveHost', '--host')
  throw new UsageError(error.code, text, { cause: error })
}

function noticing(logger: Logger, onWarning: (text: string) => void): Logger {
  return {
    debug: (object, message) => logger.debug(object, message),
    info: (object, message) => logger.info(object, message),
    warn(object, message) {
      logger.warn(object, message)
      onWarning(message)
    },
    error: (object, message) => logger.error(object, message),
  }
}

/** So many seconds, or for ever, or until the signal fires. */
function pause(seconds: number | undefined, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = seconds === undefined ? undefined : setTimeout(resolve, seconds * 1000)
    const onAbort = (): void => {
      clearTimeout(timer)
      resolve()
    }
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  })
}

/** Until the promise resolves, the seconds are over, or the signal fires. */
async function within(promise: Promise<void>, seconds: number, signal: AbortSignal): Promise<void> {
  const over = new AbortController()
  await Promise.race([promise, pause(seconds, AbortSignal.any([signal, over.signal]))])
  over.abort()
}
