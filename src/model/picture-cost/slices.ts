/** MiniCPM-V: a whole view, and up to nine slices or one more, each of the same tokens whatever its size. */
import type { Size } from './cost.ts'

export type SlicesCost = {
  kind: 'slices'
  /** Pixels along the side of a square beyond which a picture is sliced. */
  side: number
  /** Tokens of a view. */
  view: number
}

/** LLaVA-UHD's limit, as the engine has it (get_slice_instructions of tools/mtmd/mtmd-image.cpp). */
const mostSlices = 9
/** An opening and a closing token. */
const aroundView = 2

const float = Math.fround

export function slicesTokens({ side, view }: SlicesCost, { width, height }: Size): number {
  const each = view + aroundView
  if (width <= side && height <= side) return each
  const logRatio = float(Math.log(float(width / height)))
  const times = Math.min(Math.ceil(float(float(float(width) * height) / (side * side))), mostSlices)
  const [columns, rows] = bestGrid(times, logRatio)
  // Rows are told apart by a line break.
  return each + columns * rows * each + rows - 1
}

/** Of about so many slices, those whose proportions are nearest to the picture's. */
function bestGrid(times: number, logRatio: number): [columns: number, rows: number] {
  const counts = [times - 1, times, times + 1].filter((count) => count > 1 && count <= mostSlices)
  let best: [number, number] = [1, 1]
  let leastError = Number.POSITIVE_INFINITY
  for (const count of counts) {
    for (let columns = 1; columns <= count; columns += 1) {
      if (count % columns !== 0) continue
      const rows = count / columns
      const error = float(Math.abs(logRatio - Math.log(columns / rows)))
      if (error < leastError) {
        best = [columns, rows]
        leastError = error
      }
    }
  }
  return best
}
