/** What is fuzzed: a reader of strangers' bytes, what it may do with them, and a few bytes to begin with. */

export type Target = {
  /** Throws when the reader does what it must not. Refusing in typed words is what it should do. */
  run(bytes: Buffer): void | Promise<void>
  seeds: readonly (string | Buffer)[]
  /** Words of the format, which changes of single bytes would not find. */
  tokens: readonly string[]
  mostBytes: number
}

/** The reader's promise: an error that is not one of `typed` is a fault. Gives what was read, if anything. */
export async function typedOnly<Result>(
  typed: readonly (new (...words: never[]) => Error)[],
  read: () => Result | Promise<Result>,
): Promise<Result | undefined> {
  try {
    return await read()
  } catch (error) {
    if (typed.some((kind) => error instanceof kind)) return undefined
    throw error
  }
}

export function must(holds: boolean, promise: string): void {
  if (!holds) throw new Error(`Broken promise: ${promise}`)
}
