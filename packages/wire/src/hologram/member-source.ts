/**
 * The value of a member of a JSON object as its text stands there. `JSON.parse` makes a double of every number, so that
 * 12345678901234567890 comes back as 12345678901234567000 and 1.10 as 1.1; whoever only hands a value on wants it as it was written.
 *
 * The text must be an object that `JSON.parse` has taken: what is known to be JSON can be walked by its quotes and
 * brackets alone. Of a name given twice the last counts, as there.
 */
export function memberSource(text: string, wanted: string): string | undefined {
  let found: string | undefined
  let at = text.indexOf('{') + 1
  for (;;) {
    const name = text.indexOf('"', at)
    if (name === -1) return found
    const nameEnd = endOfString(text, name)
    const start = skipWhiteSpace(text, text.indexOf(':', nameEnd) + 1)
    const end = endOfValue(text, start)
    if (JSON.parse(text.slice(name, nameEnd)) === wanted) found = text.slice(start, end)
    at = end
  }
}

/** Behind the closing quote of the string that begins at `start`. */
function endOfString(text: string, start: number): number {
  let at = start + 1
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  return at + 1
}

/** Behind the value that begins at `start`; brackets inside it are counted, strings stepped over. */
function endOfValue(text: string, start: number): number {
  let depth = 0
  for (let at = start; at < text.length; at++) {
    const character = text[at]
    if (character === '"') {
      at = endOfString(text, at) - 1
      if (depth === 0) return at + 1
    } else if (character === '{' || character === '[') {
      depth++
    } else if (character === '}' || character === ']') {
      if (depth === 0) return at
      if (--depth === 0) return at + 1
    } else if (depth === 0 && (character === ',' || isWhiteSpace(character))) {
      return at
    }
  }
  return text.length
}

function skipWhiteSpace(text: string, from: number): number {
  let at = from
  while (isWhiteSpace(text[at])) at++
  return at
}

function isWhiteSpace(character: string | undefined): boolean {
  return character === ' ' || character === '\n' || character === '\r' || character === '\t'
}
