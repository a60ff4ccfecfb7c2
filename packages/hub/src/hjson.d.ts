/** The package has no types. */
declare module 'hjson' {
  const hjson: { parse(text: string): unknown }
  export default hjson
}
