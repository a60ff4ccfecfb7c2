// The hub's MQTT alone, with room for all that a slow client leaves behind. Tells its parent the port.
import { createMqttServer } from '@halyard/hub/mqtt'

const ROOM = 1024 * 1024 * 1024
const limits = { outputBytes: ROOM, queuedMessages: 1_000_000, queuedBytes: ROOM, stuckTimeout: 300 }
const server = await createMqttServer({ port: 0, limits })
process.send({ port: server.port })
process.on('disconnect', () => process.exit())
