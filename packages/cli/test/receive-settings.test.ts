import { expect, test } from 'vitest'
import { readReception } from '../src/receive/settings.ts'

test('the defaults of the document', async () => {
  expect(await readReception({}, {})).toEqual({ credentials: undefined, host: '0.0.0.0', port: 4010, seconds: 10 })
})

test('-1, the default of the original, is until Ctrl-C', async () => {
  expect(await readReception({ timeout: '-1' }, {})).toMatchObject({ seconds: undefined })
})
