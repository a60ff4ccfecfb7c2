/** Days, so that it never does anything but be there. */
const FOREVER = 2 ** 30

/** Keeps the process alive until what it returns is called; calling that again does nothing. */
export function keepAlive(): () => void {
  const timer = setInterval(() => {}, FOREVER)
  return () => clearInterval(timer)
}
