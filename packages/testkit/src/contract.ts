/**
 * One case of a contract: what every implementation of a port must do. It throws if this one does not. Cases know no
 * test runner: `for (const { name, run } of cases) it(name, run)`.
 */
export interface ContractCase {
  readonly name: string
  readonly run: () => Promise<void>
}
