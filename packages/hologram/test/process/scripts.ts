import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export const root: string = fileURLToPath(new URL('../../../../', import.meta.url))
export const run: typeof execFile.__promisify__ = promisify(execFile)

/** Runs a module of the built packages and gives what it wrote. */
export const runCode = async (code: string): Promise<string> =>
  (await run(process.execPath, ['--input-type=module', '--eval', code], { cwd: root, timeout: 20_000 })).stdout

/** Code that makes `cloud`. It listens only if `options` says so. */
export const makeCloud = (port: number, options = ''): string =>
  `import { HologramCloud } from '@halyard/hologram'
   const credentials = { cloud_id: '1234', cloud_key: '5678' }
   const cloud = new HologramCloud(credentials, { sendHost: '127.0.0.1', sendPort: ${port}, enableInbound: false, ${options} });`
