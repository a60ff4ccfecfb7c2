import { defineConfig } from 'vitest/config'

/** Tests run the sources, not `dist`: the private export condition of every package leads to them. */
const conditions = ['@halyard/source', 'node', 'import', 'default']
const shared = { resolve: { conditions }, ssr: { resolve: { conditions } } }
/** For every test and hook. It only bounds a hang: a machine that is busy with other things must not fail a test. */
const patience = { testTimeout: 60_000, hookTimeout: 60_000 }

export default defineConfig({
  test: {
    // A file per processor: vitest alone would leave one of them to its main thread, which has little to do.
    maxWorkers: '100%',
    coverage: {
      provider: 'v8',
      include: ['packages/*/src/**/*.ts'],
      reporter: ['text-summary', 'json-summary'],
      // The one place for these numbers. Spawned processes run `dist` and do not count.
      thresholds: { lines: 90, branches: 85 },
    },
    projects: [
      {
        ...shared,
        test: {
          ...patience,
          name: 'unit',
          include: ['packages/*/test/**/*.test.ts'],
          exclude: ['packages/*/test/{process,all}/**'],
          // No module has state of its own (a rule of the house): nothing is gained by loading all of them for each file.
          isolate: false,
        },
      },
      {
        // What the house says of itself: layers, lint.
        ...shared,
        test: { ...patience, name: 'house', include: ['test/**/*.test.ts'] },
      },
      {
        // Real processes: built code, signals, kills. They mostly wait, so they share the processors with the others.
        ...shared,
        test: { ...patience, name: 'process', include: ['packages/*/test/process/**/*.test.ts'] },
      },
      {
        // Longer rounds that need root or Debian's tools, one after the other: `make testAll`, never part of `make test`.
        ...shared,
        test: {
          name: 'all',
          include: ['packages/*/test/all/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 600_000,
        },
      },
    ],
  },
})
