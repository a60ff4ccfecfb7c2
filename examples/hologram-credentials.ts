/**
 * Document 001: credentials as an object that is changed in place.
 *
 *   npx tsx examples/hologram-credentials.ts [host [port]]      or HOLOGRAM_HOST, HOLOGRAM_PORT
 */
import { Credentials, ERR_OK, HologramCloud } from '@halyard/hologram'

const [host = process.env['HOLOGRAM_HOST'], port = process.env['HOLOGRAM_PORT']] = process.argv.slice(2)

const credentials = new Credentials('xxxx', 'xxxx')
credentials.cloudId = process.env['HOLOGRAM_CLOUD_ID'] ?? 'yyyy'
credentials.cloudKey = process.env['HOLOGRAM_CLOUD_KEY'] ?? 'yyyy'

await using cloud = new HologramCloud(credentials, { enableInbound: false })
if (host !== undefined) cloud.sendHost = host
// As in the document, a port may be text.
if (port !== undefined) Object.assign(cloud, { sendPort: port })

const result = await cloud.sendMessage('msg1', { topics: ['TOPIC 1', 'TOPIC 2'] })
console.log(result.code === ERR_OK ? String(result) : `${result.name}: ${String(result)}`)
