import { ConnectionError, UsageError } from '@halyard/core'
import { CommanderError } from 'commander'
import { expect, test } from 'vitest'
import { describeFailure, exitCodeOf } from '../src/failure.ts'

test.each([
  [new UsageError('ERR_USAGE', 'no'), 2],
  [new UsageError('ERR_CONFIG_FILE', 'no'), 1],
  [new UsageError('ERR_HUB_CONFIG', 'no'), 1],
  [new ConnectionError('ERR_HUB_PORT_IN_USE', 'no'), 1],
  [new TypeError('a bug'), 1],
  [new CommanderError(1, 'commander.unknownCommand', 'no'), 2],
  [new CommanderError(0, 'commander.helpDisplayed', ''), 0],
])('%s', (error, code) => {
  expect(exitCodeOf(error)).toBe(code)
})

test('what a person reads is one line with the code', () => {
  expect(describeFailure(new UsageError('ERR_USAGE', 'this\n  and that'))).toBe('this and that (ERR_USAGE)')
  expect(describeFailure(new CommanderError(1, 'commander.unknownCommand', 'no'))).toBe('')
})

test('a bug is called one, and tells where on demand', () => {
  const bug = new TypeError('x is not a function')
  expect(describeFailure(bug)).toBe('this should not have happened: x is not a function; HALYARD_LOG=debug shows where')
  expect(describeFailure(bug, { HALYARD_LOG: 'debug' })).toContain('failure.test.ts')
})
