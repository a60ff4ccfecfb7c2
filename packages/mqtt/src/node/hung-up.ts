/**
 * TCP was there, and the server left before TLS or the upgrade to WebSocket was done. It closed, for which Node has an
 * ECONNRESET of its own without a system call; or it reset, having read less than we wrote.
 */
export function hasHungUp(error: unknown, code: string): boolean {
  const { syscall } = error as { syscall?: unknown }
  return (code === 'ECONNRESET' || code === 'EPIPE') && syscall !== 'connect'
}
