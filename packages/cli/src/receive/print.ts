/** How received messages are shown: as the documented script does, or one JSON object for each. */
import type { ReceivedMessage } from '@halyard/hologram'
import type { Terminal } from '../terminal.ts'
import { textOrBase64 } from '../text/text-or-base64.ts'
import { harmless } from '../text/width.ts'

export interface Printer {
  /** It listens from now on. */
  begin(seconds: number | undefined): void
  message(message: ReceivedMessage): void
  end(): void
}

/**
 * `waiting for 10 seconds...`, and when that is over `Receive buffer: ` with all that came. What comes is written at
 * once, behind each other, so that nothing has to be held and nothing is lost however it ends; the result is the same.
 * A pipe gets the bytes as they are.
 */
export function bufferPrinter(terminal: Terminal): Printer {
  const { screen } = terminal
  return {
    begin(seconds) {
      terminal.print(seconds === undefined ? 'waiting until Ctrl-C...' : `waiting for ${seconds} seconds...`)
      screen.write('Receive buffer: ')
    },
    message({ text, bytes }) {
      // On a terminal a stranger's bytes could be orders to it.
      screen.write(screen.isTerminal ? harmless(text) : bytes)
    },
    end: () => screen.write('\n'),
  }
}

/** `{"remote_address":"10.0.0.7","received_at":"…","text":"hey there!","size":10}`; what is not UTF-8 is `base64`. */
export function jsonPrinter(terminal: Terminal): Printer {
  return {
    begin() {},
    message({ bytes, remoteAddress, receivedAt }) {
      terminal.print(
        JSON.stringify({
          remote_address: remoteAddress,
          received_at: receivedAt.toISOString(),
          ...textOrBase64(bytes),
          size: bytes.length,
        }),
      )
    },
    end() {},
  }
}
