/** What something takes of late: each new value counts for three tenths, all before it for the rest. */

const newestWeight = 0.3

export function movingAverage() {
  let average: number | undefined
  return {
    add(value: number): void {
      average = average === undefined ? value : average + newestWeight * (value - average)
    },
    /** Undefined before the first value. */
    get value(): number | undefined {
      return average
    },
  }
}
