/** One case of a contract: knows no test runner, so that the testkit can publish it. It throws if the port does not keep it. */
export interface ContractCase {
  readonly name: string
  readonly run: () => Promise<void>
}

/** Makes what is tested, new for every case, and takes it away again. */
export type Make<T> = () => Promise<{ readonly port: T; readonly dispose: () => Promise<void> }>

/** Turns a case that wants a port into one that makes it. */
export function casesFor<T>(make: Make<T>): (name: string, test: (port: T) => Promise<void>) => ContractCase {
  return (name, test) => ({
    name,
    run: async () => {
      const { port, dispose } = await make()
      try {
        await test(port)
      } finally {
        await dispose()
      }
    },
  })
}
