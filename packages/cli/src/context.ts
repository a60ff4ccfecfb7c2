import type { CustomCloud, HologramCloud, tcpListener } from '@halyard/hologram'
import type { backupHub, createHub, openAdmin, restoreHub } from '@halyard/hub'
import type { MqttClient } from '@halyard/mqtt'
import type { FaultProxy } from '@halyard/testkit'
import type { Terminal } from './terminal.ts'

/** What a command stands on. */
export interface Context {
  readonly terminal: Terminal
  /** The parts of the house that are loaded when a command needs them. */
  readonly load: {
    readonly hologram: () => Promise<{
      CustomCloud: typeof CustomCloud
      HologramCloud: typeof HologramCloud
      tcpListener: typeof tcpListener
    }>
    readonly hub: () => Promise<{
      createHub: typeof createHub
      openAdmin: typeof openAdmin
      backupHub: typeof backupHub
      restoreHub: typeof restoreHub
    }>
    readonly mqtt: () => Promise<{ MqttClient: typeof MqttClient }>
    readonly testkit: () => Promise<{ FaultProxy: typeof FaultProxy }>
  }
}
