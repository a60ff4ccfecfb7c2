/** Days, so that it never does anything but be there. */
const FOREVER = 2 ** 30

/** Keeps a Node process alive until what it returns is called; calling that again does nothing. */
export function holdProcess(): () => void {
  const timer = setInterval(() => {}, FOREVER)
  return () => clearInterval(timer)
}
