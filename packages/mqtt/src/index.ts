/// <reference lib="esnext.disposable" preserve="true" />
export type { TlsOptions } from './transport.ts'
