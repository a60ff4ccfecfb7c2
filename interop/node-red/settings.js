// Node-RED without its editor and its HTTP: it lives as long as its connections.
module.exports = {
  httpAdminRoot: false,
  httpNodeRoot: false,
  credentialSecret: false,
  // ms; 15 s if left out
  mqttReconnectTime: 200,
  externalModules: { autoInstall: false, palette: { allowInstall: false } },
  telemetry: { enabled: false, updateNotification: false },
}
