import type { Connect, ConnectProperties } from '@halyard/wire/mqtt'
import type { Settings } from './options.ts'

/** CONNECT of these settings in one version. 5.0 §3.1, 3.1.1 §3.1. */
export function connectPacket(settings: Settings, version: 4 | 5): Connect {
  const { clientId, username, password, keepalive, clean, will } = settings
  return {
    type: 'connect',
    version,
    clientId,
    cleanStart: clean,
    keepAlive: keepalive,
    ...(username !== undefined && { username }),
    ...(password && { password }),
    ...(will && {
      will: {
        topic: will.topic,
        payload: will.payload,
        qos: will.qos,
        retain: will.retain,
        ...(version === 5 && will.properties && { properties: will.properties }),
      },
    }),
    ...(version === 5 && { properties: propertiesOf(settings) }),
  }
}

function propertiesOf(settings: Settings): ConnectProperties {
  const { authentication, sessionExpiry, userProperties } = settings
  const authenticationData = authentication?.begin()
  return {
    ...(sessionExpiry > 0 && { sessionExpiryInterval: sessionExpiry }),
    receiveMaximum: settings.receiveMaximum,
    maximumPacketSize: settings.maximumPacketSize,
    ...(settings.topicAliasMaximum > 0 && { topicAliasMaximum: settings.topicAliasMaximum }),
    ...(userProperties && { userProperties }),
    ...(authentication && { authenticationMethod: authentication.method }),
    ...(authenticationData && { authenticationData }),
  }
}
