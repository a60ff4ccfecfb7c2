/** What passed, since the start; `$SYS` and the metrics read it. Plain numbers: they are counted on the hot path. */
export class Counters {
  /** Taken over, whether a CONNECT came or not. */
  sockets = 0
  connections = 0
  connectionsEver = 0
  connectionsMost = 0
  bytesReceived = 0
  bytesSent = 0
  packetsReceived = 0
  packetsSent = 0
  publishReceived = 0
  publishSent = 0
  publishBytesReceived = 0
  publishBytesSent = 0
  /** QoS 0 to a client that does not read, QoS 1 and 2 to a queue that is full, and what is larger than a client takes. */
  dropped = 0
  /** Sessions that expired. */
  expired = 0

  connected(): void {
    this.connectionsEver++
    this.connections++
    if (this.connections > this.connectionsMost) this.connectionsMost = this.connections
  }
}
