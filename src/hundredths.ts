/** Rounds to hundredths, which are plenty to be told. What is not finite, such as a rate over no time, is 0. */
export const hundredths = (value: number): number =>
  Number.isFinite(value) ? Math.round(value * 100) / 100 : 0
