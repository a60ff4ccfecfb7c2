/**
 * A proof: a claim of ours, tried for long enough that a person may believe it. Each module in this folder exports one
 * as `proof`; `make proof` runs them all and writes docs/proofs.md.
 */
export interface Proof {
  readonly name: string
  /** One sentence that the run shows to be true or false. */
  readonly claim: string
  /** What a person types to run this proof alone. */
  readonly command: string
  run(progress: Progress): Promise<Verdict>
}

/** What it is at: shown on a terminal, and beside the failure of one that ends without a verdict. */
export type Progress = (doing: string) => void

export interface Verdict {
  readonly passed: boolean
  /** Figures: what was counted or measured, and how much of it. */
  readonly rows: readonly (readonly [what: string, figure: string])[]
}
