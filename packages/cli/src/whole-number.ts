import { UsageError } from '@halyard/core'

/** What an option says in digits; how large it may be is for whoever uses it. @throws {UsageError} `ERR_USAGE` */
export function wholeNumber(option: string, text: string): number
export function wholeNumber(option: string, text: string | undefined): number | undefined
export function wholeNumber(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (/^\d{1,10}$/.test(text)) return Number(text)
  throw new UsageError('ERR_USAGE', `${option} is a whole number, not ${text}`)
}
