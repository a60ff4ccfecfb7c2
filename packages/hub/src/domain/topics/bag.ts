/** Nothing, one, or a list: most filters have one subscriber, and an array for it would cost more than all the rest. */
export type Bag<T extends object> = undefined | T | T[]

export function bagAdd<T extends object>(bag: Bag<T>, item: T): Bag<T> {
  if (bag === undefined) return item
  if (!Array.isArray(bag)) return [bag, item]
  bag.push(item)
  return bag
}

/** The last one takes its place: order means nothing here. */
export function bagRemove<T extends object>(bag: Bag<T>, item: T): Bag<T> {
  if (!Array.isArray(bag)) return bag === item ? undefined : bag
  const at = bag.indexOf(item)
  if (at < 0) return bag
  const last = bag.pop()
  if (last !== undefined && last !== item) bag[at] = last
  return bag.length === 1 ? bag[0] : bag
}

export function bagHas<T extends object>(bag: Bag<T>, item: T): boolean {
  return Array.isArray(bag) ? bag.includes(item) : bag === item
}

export function bagInto<T extends object>(bag: Bag<T>, found: T[]): void {
  if (bag === undefined) return
  if (Array.isArray(bag)) for (const item of bag) found.push(item)
  else found.push(bag)
}
