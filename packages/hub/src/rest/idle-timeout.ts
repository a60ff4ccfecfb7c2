import type { FastifyRequest } from 'fastify'

/**
 * The listener cuts a connection on which nothing moves for `front.limits.requestTimeout`, since its peer may have
 * stopped reading. While an answer is waited for nothing moves, and that is as it should be.
 */
export async function withoutIdleTimeout<T>({ socket }: FastifyRequest, work: () => Promise<T>): Promise<T> {
  const before = socket.timeout ?? 0
  socket.setTimeout(0)
  try {
    return await work()
  } finally {
    socket.setTimeout(before)
  }
}
