/** How the engine resizes a picture so that its sides are multiples of something and its area within bounds. */
import type { Size } from './cost.ts'

export type Bounds = {
  /** Pixels of which both sides are a multiple. */
  align: number
  /** Of the resized picture, in pixels; 0 where there is no such bound. */
  leastArea: number
  mostArea: number
  /** Pixels of the longer side, before the bounds; 0 leaves the picture's own. */
  longestEdge?: number
}

/** The engine computes in 32 bits, which decides where a size is near a multiple. */
const float = Math.fround

/** calc_size_preserved_ratio of tools/mtmd/mtmd-image.cpp. */
export function preservedRatio(
  { width, height }: Size,
  { align, leastArea, mostArea, longestEdge = 0 }: Bounds,
): Size {
  const multiple = (round: (value: number) => number, length: number): number =>
    round(float(length / align)) * align
  const scale = float(Math.min(float(longestEdge / width), float(longestEdge / height)))
  const first = (length: number): number =>
    longestEdge > 0
      ? multiple(Math.ceil, float(length * scale))
      : Math.max(align, multiple(Math.round, length))
  const sides = { width: first(width), height: first(height) }
  const area = sides.width * sides.height
  const pixels = float(float(height) * width)
  if (mostArea > 0 && area > mostArea) {
    const reduce = float(Math.sqrt(float(pixels / mostArea)))
    const reduced = (length: number) => Math.max(align, multiple(Math.floor, float(length / reduce)))
    return { width: reduced(width), height: reduced(height) }
  }
  if (leastArea > 0 && area < leastArea) {
    const enlarge = float(Math.sqrt(float(leastArea / pixels)))
    const enlarged = (length: number) => multiple(Math.ceil, float(length * enlarge))
    return { width: enlarged(width), height: enlarged(height) }
  }
  return sides
}
