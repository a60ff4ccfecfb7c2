import { WebSocket } from 'ws'
import { browserDial } from '../../src/browser/dial.ts'
import { dial } from '../../src/node/dial.ts'
import { certificates } from './certificates.ts'
import { transportContract } from './contract.ts'

transportContract({ name: 'TCP', scheme: 'mqtt', dial, canPause: true }, certificates)
transportContract({ name: 'TLS', scheme: 'mqtts', dial, canPause: true }, certificates)
transportContract({ name: 'WebSocket', scheme: 'ws', dial, canPause: true }, certificates)
transportContract({ name: 'WebSocket over TLS', scheme: 'wss', dial, canPause: true }, certificates)
const page = browserDial(WebSocket)
transportContract({ name: 'the WebSocket of a page', scheme: 'ws', dial: page, canPause: false }, certificates)
