/** Whether a hub has what was promised by the one that had its directory before. */
import { MqttClient, acknowledgement, publishPacket, within } from '../client.ts'
import { Later } from '../later.ts'
import type { Server } from '../servers.ts'
import { isRetained, messageIn, payloadOf, qosOf, topicOf } from '../trace/workload.ts'
import type { Message } from '../trace/workload.ts'

export interface Promised {
  /** Acknowledged. */
  readonly messages: readonly Message[]
  /** Sessions whose subscriptions were acknowledged. */
  readonly sleepers: readonly string[]
}

/** @throws {Error} that names what is missing, came twice, or was never sent */
export async function checkSleepers(
  server: Server,
  { messages, sleepers }: Promised,
): Promise<{ readonly promises: number; readonly deliveries: number }> {
  let deliveries = 0
  for (const clientId of sleepers) {
    const came = await messagesOf(server, { clientId, isNew: false })
    deliveries += came.length
    checkMessages(clientId, came, messages)
  }
  const retained = await messagesOf(server, { clientId: 'looker', isNew: true })
  const topics = checkRetained(retained, messages)
  return { promises: sleepers.length * messages.length + topics, deliveries }
}

interface Came extends Message {
  readonly qos: number
}

/** What waits for a session, or what is retained for a new one, up to a message that is published now. */
export async function messagesOf(
  server: Server,
  { clientId, isNew }: { readonly clientId: string; readonly isNew: boolean },
): Promise<readonly Came[]> {
  const came: Came[] = []
  const end = new Later<void>()
  const problems: string[] = []
  const client = await MqttClient.open(server.address, {
    clientId,
    clean: isNew,
    version: 5,
    onPacket: (packet, one) => {
      if (packet.type === 'pubrel') one.send(acknowledgement('pubcomp', packet.packetId))
      if (packet.type !== 'publish') return
      const { qos, packetId = 0, topic } = packet
      if (qos > 0) one.send(acknowledgement(qos === 1 ? 'puback' : 'pubrec', packetId))
      if (topic === 'end') return end.resolve()
      const payload = Buffer.from(packet.payload).toString()
      const message = messageIn(payload)
      if (payload !== payloadOf(message) || topic !== topicOf(message)) problems.push(`${topic} ${payload}`)
      came.push({ ...message, qos })
    },
  })
  if (!isNew && !client.sessionPresent) throw new Error(`the session of ${clientId} is gone`)
  await client.subscribe(isNew ? ['retained/#', 'end'] : ['end'], 2)
  client.send(publishPacket({ topic: 'end', payload: 'end', qos: 1, packetId: 60_000 }))
  await within(end.promise, `the last message of ${clientId}`)
  await client.leave()
  if (problems.length > 0) throw new Error(`${clientId} got what nobody sent: ${problems[0]}`)
  return came
}

function checkMessages(clientId: string, came: readonly Came[], messages: readonly Message[]): void {
  const seen = new Set<string>()
  const highest = new Map<number, number>()
  for (const { lane, number, qos } of came) {
    const name = `message ${number} of lane ${lane}`
    if (qos !== qosOf({ lane, number })) throw new Error(`${name} came to ${clientId} with QoS ${qos}`)
    // The session had no connection: nothing could be cut, so nothing comes twice, of QoS 1 either.
    if (seen.has(`${lane}:${number}`)) throw new Error(`${name} came to ${clientId} twice`)
    if (number < (highest.get(lane) ?? 0)) throw new Error(`${name} came to ${clientId} behind a later one`)
    seen.add(`${lane}:${number}`)
    highest.set(lane, number)
  }
  for (const { lane, number } of messages) {
    if (!seen.has(`${lane}:${number}`))
      throw new Error(`message ${number} of lane ${lane} was acknowledged; ${clientId} did not get it`)
  }
}

/** A topic has its last acknowledged message, or a later one. Gives how many topics there must be. */
function checkRetained(retained: readonly Came[], messages: readonly Message[]): number {
  const found = new Map(retained.map(({ lane, number }) => [lane, number]))
  const last = new Map<number, number>()
  for (const message of messages) if (isRetained(message)) last.set(message.lane, message.number)
  for (const [lane, number] of last) {
    const there = found.get(lane) ?? -1
    if (there < number) throw new Error(`retained of lane ${lane} is ${there}, though ${number} was acknowledged`)
  }
  return last.size
}
