/** A host as it stands before a port: 127.0.0.1, [::1] */
export function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
