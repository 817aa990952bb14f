/** What is wrong with a model's files. */
import { printable } from '../printable.ts'

/** Two paths of full length and a sentence around them. */
const mostCharacters = 10_000

/** Something about the files that only a person can mend. The message is for that person; names in it may be odd. */
export class ModelProblem extends Error {
  override readonly name = 'ModelProblem'

  constructor(message: string) {
    super(printable(message, mostCharacters))
  }
}
