import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const packages = join(import.meta.dirname, 'packages')

/** The doors that packages export: what users see, and no other module. */
const doors = readdirSync(packages).flatMap((name) => {
  const { exports = {} } = JSON.parse(readFileSync(join(packages, name, 'package.json'), 'utf8'))
  return Object.values(exports).map((door) => join(packages, name, door['@halyard/source']))
})

/** @type {Partial<import('typedoc').TypeDocOptions>} */
const options = {
  entryPoints: doors,
  tsconfig: 'tsconfig.json',
  out: 'docs/api',
  readme: 'none',
  excludePrivate: true,
  excludeInternal: true,
  validation: { invalidLink: true, invalidPath: true, notDocumented: false, notExported: false, rewrittenLink: true },
  treatWarningsAsErrors: true,
  treatValidationWarningsAsErrors: true,
  disableSources: true,
  // Types are checked by `tsc`; here links are.
  skipErrorChecking: true,
}
export default options
