/**
 * Seconds until each of a line gets a slot, one after the other, and until one more behind them all would. Pure.
 * `left` are the seconds that those with a slot will keep it yet, `line` what each that waits will keep it for.
 */
export function expectedStarts(slots: number, left: readonly number[], line: readonly number[]): number[] {
  const free = [...left, ...Array<number>(Math.max(0, slots - left.length)).fill(0)]
  return [...line, 0].map((seconds) => {
    const start = Math.min(...free)
    free[free.indexOf(start)] = start + seconds
    return start
  })
}
