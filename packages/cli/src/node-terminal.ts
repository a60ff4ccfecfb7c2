import type { Input, InterruptSignal, Screen, Terminal } from './terminal.ts'

/** The terminal, pipes and signals of this process. */
export function nodeTerminal(host: NodeJS.Process): Terminal {
  const { stdout, stderr, env } = host
  // Whoever reads may stop doing so (`halyard outbox ls | head`): then there is nothing left to do.
  stdout.on('error', (error: NodeJS.ErrnoException) => host.exit(error.code === 'EPIPE' ? 0 : 1))
  stderr.on('error', () => {})
  const colourOn = (stream: NodeJS.WriteStream): boolean =>
    stream.isTTY && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb'
  return {
    print: (line) => void stdout.write(`${line}\n`),
    error: (line) => void stderr.write(`${line}\n`),
    screen: screenOf(stdout),
    status: {
      isTerminal: stderr.isTTY && env['TERM'] !== 'dumb',
      get columns() {
        return stderr.columns > 0 ? stderr.columns : USUAL.columns
      },
      write: (text) => void stderr.write(text),
    },
    input: inputOf(host),
    environment: env,
    colour: { output: colourOn(stdout), error: colourOn(stderr) },
    onInterrupt: (callback) => interruptsOf(host, callback),
    onExit(callback) {
      host.on('exit', callback)
      return { [Symbol.dispose]: () => void host.off('exit', callback) }
    },
    exit: (code) => host.exit(code),
  }
}

const SIGNALS: readonly InterruptSignal[] = ['SIGINT', 'SIGTERM', 'SIGHUP']

function interruptsOf(host: NodeJS.Process, callback: (signal: InterruptSignal) => void): Disposable {
  let interrupted = false
  const onSignal = (signal: NodeJS.Signals): void => {
    if (!interrupted) {
      interrupted = true
      callback(signal as InterruptSignal)
    } else if (signal === 'SIGINT') {
      host.exit(130)
    }
  }
  for (const signal of SIGNALS) host.on(signal, onSignal)
  return {
    [Symbol.dispose]() {
      for (const signal of SIGNALS) host.off(signal, onSignal)
    },
  }
}

/** What a terminal that does not tell its size is taken for. */
const USUAL = { columns: 80, rows: 24 }

function screenOf(stdout: NodeJS.WriteStream): Screen {
  return {
    isTerminal: stdout.isTTY,
    get columns() {
      return stdout.columns > 0 ? stdout.columns : USUAL.columns
    },
    get rows() {
      return stdout.rows > 0 ? stdout.rows : USUAL.rows
    },
    write: (text) => void stdout.write(text),
    onResize(callback) {
      stdout.on('resize', callback)
      return { [Symbol.dispose]: () => void stdout.off('resize', callback) }
    },
  }
}

/** Standard input is touched only when somebody asks for it: a pipe that is opened keeps the process waiting. */
function inputOf(host: NodeJS.Process): Input {
  return {
    get isTerminal() {
      return host.stdin.isTTY
    },
    bytes: ({ signal } = {}) => bytesOf(host.stdin, signal),
    onKey(callback) {
      const { stdin } = host
      const onData = (bytes: Uint8Array): void => callback(Buffer.from(bytes).toString('utf8'))
      stdin.setRawMode(true)
      stdin.on('data', onData)
      stdin.resume()
      return {
        [Symbol.dispose]() {
          stdin.off('data', onData)
          stdin.setRawMode(false)
          stdin.pause()
        },
      }
    },
  }
}

async function* bytesOf(stdin: NodeJS.ReadStream, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  const stop = (): void => void stdin.destroy()
  if (signal?.aborted === true) stop()
  signal?.addEventListener('abort', stop, { once: true })
  try {
    yield* stdin as AsyncIterable<Uint8Array>
  } catch (error) {
    // Whoever waits for the next bytes of a stream that is destroyed is told so.
    if (signal?.aborted !== true) throw error
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}
