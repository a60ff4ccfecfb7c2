/// <reference lib="esnext.disposable" preserve="true" />
export { HalyardError, ProtocolError } from './errors.ts'
