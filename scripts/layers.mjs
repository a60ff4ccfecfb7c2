// Who may import whom, over every part of the house that is there (.dependency-cruiser.cjs).
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { execute, root } from './lib/steps.mjs'

const places = ['packages', 'examples', 'bench', 'proofs', 'scripts', 'test'].filter((place) =>
  existsSync(join(root, place)),
)
process.exitCode = (await execute(['depcruise', '--config', '.dependency-cruiser.cjs', ...places])) === 0 ? 0 : 1
