/** How much room a text takes on a terminal, and how to make it fit. */

const segmenter = new Intl.Segmenter()
/** East Asian wide and full-width characters, and emoji: two columns. */
const WIDE =
  /^(?:\p{Emoji_Presentation}|[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{20000}-\u{3FFFD}])/u
const PLAIN = /^[ -~]*$/
/** C0 and C1 control characters, line separators, and the marks that turn the direction of writing. */
const UNSAFE = /[\p{Cc}\u2028\u2029\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu

export function widthOf(text: string): number {
  if (PLAIN.test(text)) return text.length
  let width = 0
  for (const { segment } of segmenter.segment(text)) width += WIDE.test(segment) ? 2 : 1
  return width
}

/** At most so many columns; what is cut off leaves an ellipsis. */
export function fit(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text
  if (columns <= 0) return ''
  let kept = ''
  let width = 0
  for (const { segment } of segmenter.segment(text)) {
    const next = WIDE.test(segment) ? 2 : 1
    if (width + next > columns - 1) break
    kept += segment
    width += next
  }
  return `${kept}…`
}

/** What somebody else wrote, on one line and without power over the terminal. */
export function oneLine(text: string): string {
  return text.replaceAll(UNSAFE, (character) => {
    if (character === '\n' || character === '\t' || character === '\r') return ' '
    return '\uFFFD'
  })
}

/** The same, with its line breaks and tabs. */
export function harmless(text: string): string {
  return text.replaceAll('\r\n', '\n').replaceAll(UNSAFE, (character) => {
    if (character === '\n' || character === '\t') return character
    return '\uFFFD'
  })
}
