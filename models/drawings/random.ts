/** A small seeded generator (mulberry32): the same seed gives the same picture on every machine. */
export class Random {
  #state: number

  /** @param seed a whole number, 0 to 2^32 - 1. */
  constructor(seed: number) {
    this.#state = seed >>> 0
    // Neighbouring seeds start out alike; a few turns part them.
    for (let turn = 0; turn < 4; turn++) this.next()
  }

  /** A number from 0 (included) to 1 (not included). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }

  /** A number from low (included) to high (not included). */
  between(low: number, high: number): number {
    return low + (high - low) * this.next()
  }

  /** A whole number from 0 to limit - 1. */
  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  /** True with the given probability, 0 to 1. */
  chance(probability: number): boolean {
    return this.next() < probability
  }

  /** One entry of a list that is not empty. */
  pick<Entry>(list: readonly Entry[]): Entry {
    const entry = list[this.below(list.length)]
    if (entry === undefined) throw new RangeError('nothing to pick from')
    return entry
  }
}
