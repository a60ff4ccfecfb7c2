export { loadVectors, runVectors, vectorCases } from './vectors.ts'
export type { Decoded, OpenDecoder, TestFrame, Vector, VectorCase, VectorCodec, VectorFile } from './vectors.ts'
