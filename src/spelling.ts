/** Which word was meant by one that is mistyped. */

/** Beyond this nothing is compared: the names of an environment are anybody's. */
const mostLetters = 64
/** A slip is a letter too many, missing, wrong, or changed round with the next. */
const lettersPerSlip = 6

/** The one of `words` that differs least, by a slip for each six of its letters at most. */
export function nearest(word: string, words: readonly string[]): string | undefined {
  if (word.length > mostLetters) return undefined
  const [best] = words
    .map((known) => ({ known, slips: slipsBetween(word, known) }))
    .filter(({ known, slips }) => slips <= Math.max(1, Math.floor(known.length / lettersPerSlip)))
    .sort((a, b) => a.slips - b.slips)
  return best?.known
}

/** The distance of Damerau and Levenshtein (optimal string alignment), row by row. */
function slipsBetween(a: string, b: string): number {
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const wrong = a[i - 1] === b[j - 1] ? 0 : 1
      const isTurned = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      row[j] = Math.min(
        at(last, j) + 1,
        at(row, j - 1) + 1,
        at(last, j - 1) + wrong,
        isTurned ? at(before, j - 2) + 1 : Number.POSITIVE_INFINITY,
      )
    }
    before = last
    last = row
  }
  return at(last, b.length)
}

const at = (row: readonly number[], index: number): number => row[index] ?? Number.POSITIVE_INFINITY
