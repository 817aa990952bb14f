/** Why the set-up cannot be done. The message is for a person. */
export class SetUpProblem extends Error {
  override readonly name = 'SetUpProblem'
}
