// `make test`: everything that must hold before a change is taken, in the order in which a failure is cheapest to learn.
import { install, upToDate } from './lib/install.mjs'
import { runSteps } from './lib/steps.mjs'
import { runTests } from './lib/tests.mjs'

await runSteps([
  { title: 'install', commands: [install], skip: upToDate },
  { title: 'format', commands: [['oxfmt', '--check', '.']] },
  { title: 'lint', commands: [['oxlint', '--type-aware']] },
  { title: 'layers', commands: [['node', 'scripts/layers.mjs']] },
  { title: 'dead code', commands: [['knip', '--no-config-hints']] },
  {
    title: 'types',
    commands: [
      ['npm', 'run', '--silent', 'build'],
      ['tsc', '-p', '.'],
      ['tsc', '-p', 'contract'],
    ],
  },
  { title: 'tests', commands: [() => runTests('tests', '--project=!all', '--coverage')] },
  {
    title: 'docs',
    commands: [
      ['node', 'scripts/check-docs.mjs'],
      ['node', 'scripts/lock.mjs', '--check'],
      ['typedoc', '--emit', 'none'],
    ],
  },
  { title: 'packages', commands: [['node', 'scripts/check-packages.mjs']] },
])
