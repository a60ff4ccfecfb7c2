import { defineConfig } from 'vitest/config'

/** Tests run the sources, not `dist`: the private export condition of every package leads to them. */
const conditions = ['@halyard/source', 'node', 'import', 'default']
const shared = { resolve: { conditions }, ssr: { resolve: { conditions } } }

export default defineConfig({
  test: {
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
          name: 'unit',
          include: ['packages/*/test/**/*.test.ts'],
          exclude: ['packages/*/test/{process,all}/**'],
        },
      },
      {
        // What the house says of itself: layers, lint.
        ...shared,
        test: { name: 'house', include: ['test/**/*.test.ts'] },
      },
      {
        // Real processes (built code, signals, kills): one after the other, so that they do not starve each other.
        ...shared,
        test: {
          name: 'process',
          include: ['packages/*/test/process/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 60_000,
        },
      },
      {
        // Longer rounds that need root or Debian's tools: `make testAll`, never part of `make test`.
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
