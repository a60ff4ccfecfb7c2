/** Colours of a terminal, or none. */
export type Colour = 'red' | 'green' | 'yellow' | 'cyan' | 'bold' | 'dim'

export type Paint = Readonly<Record<Colour, (text: string) => string>>

const CODES: Readonly<Record<Colour, readonly [open: number, close: number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
}

export function paint(colour: boolean): Paint {
  const painted = (name: Colour) => {
    const [open, close] = CODES[name]
    return (text: string): string => (colour && text !== '' ? `\u001B[${open}m${text}\u001B[${close}m` : text)
  }
  return {
    bold: painted('bold'),
    dim: painted('dim'),
    red: painted('red'),
    green: painted('green'),
    yellow: painted('yellow'),
    cyan: painted('cyan'),
  }
}
