/** Comparisons of types that the compiler makes: a wrong one does not compile, and its line names the declaration. */

/** Around those that answer true or false. */
export type Expect<Truth extends true> = Truth

/** Ours can stand wherever the contract's is expected. */
export type Fits<Ours extends Contract, Contract> = [Ours, Contract]

/** Each can stand for the other: what programs hand in as well as what they get. */
export type Mutual<Ours extends Contract, Contract extends Theirs, Theirs = Ours> = [Ours, Contract, Theirs]

/** The very same members, optional and writable alike: options, which programs fill in. */
export type Same<Ours, Contract> =
  (<T>() => T extends Flat<Ours> ? 1 : 2) extends <T>() => T extends Flat<Contract> ? 1 : 2 ? true : false

/** Whatever the contract's constructor takes ours takes. */
export type Takes<Ours extends Constructor, Contract extends Constructor> =
  ConstructorParameters<Contract> extends ConstructorParameters<Ours> ? true : false

/** Not exported yet, nor stubbed: fails when it is there, so that it moves to the checks above. */
export type Absent<Ours, Names extends string> = [Extract<keyof Ours, Names>] extends [never]
  ? true
  : false

type Constructor = abstract new (...args: never[]) => unknown
/** One object instead of an interface with its ancestors. */
type Flat<T> = { [K in keyof T]: T[K] }
