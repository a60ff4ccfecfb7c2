/** What the fuzzing reaches of the decoder: every function, every block, but for what is named here with its reason. */
import { coverageOf } from './coverage.ts'
import type { Coverage } from './coverage.ts'
import type { DecoderFuzz } from './decoder.ts'

/** As built. */
const BUILT = /\/wire\/dist\/mqtt\/[\w-]+\.js$/

/** The codec's sources: one file per packet, writing beside reading. The machines have no decoder. */
const CODEC = /^src\/mqtt\/([\w-]+)\.ts$/

/** Files that a decoder does not use, but for what they declare. */
const OTHERS = new Set(['problem-information', 'publish-out'])

/** Functions of the other direction, which share the files of the packets. */
const WRITING = /^(write|sizeOf|encode|require|utf8Length$|bodySizeOf$|uncheckedBodySizeOf$)/

const LEFT_OUT = new Set([
  // The error of what is written.
  'errors <instance_members_initializer>',
  // Names for people, and the server's answer to CONNECT.
  'reason-codes reasonName',
  'reason-codes connectReturnCode',
  // What a filter means is asked by the server, filter by filter, when the packet has been read.
  'topic checkFilter',
  'topic checkWildcards',
  'topic countLevels',
  'topic matches',
  'topic parseShared',
  // Also for topics that a program gives: decoded text is valid, and the limit of levels is the server's.
  'topic checkText',
])

/**
 * Fuzzes the decoder and looks at what that reached. Only in a process that has not imported `@halyard/wire/mqtt` yet, and
 * only of what is built.
 */
export async function decoderCoverage(options: {
  readonly seed: number
  readonly count: number
}): Promise<Coverage & { readonly fuzz: DecoderFuzz }> {
  let fuzz: DecoderFuzz | undefined
  const coverage = await coverageOf(
    async () => {
      const { fuzzDecoder } = await import('./decoder.ts')
      fuzz = fuzzDecoder(options)
    },
    {
      isMeant: (url) => BUILT.test(url),
      isLeftOut(source, name) {
        const file = CODEC.exec(source)?.[1]
        return file === undefined || OTHERS.has(file) || WRITING.test(name) || LEFT_OUT.has(`${file} ${name}`)
      },
    },
  )
  if (!fuzz || coverage.functions === 0) throw new Error('nothing was counted: is packages/wire built?')
  return { ...coverage, fuzz }
}
