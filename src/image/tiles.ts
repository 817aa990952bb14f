/**
 * The tiles of Llama 3.2 Vision: a picture is laid onto one of the canvases that its square tiles can form, and every
 * tile costs the same time. Which canvas the engine takes follows from the picture's size alone, so the number of
 * tiles is chosen here by scaling the picture down. The rules are those of the model's own image processor.
 */
import type { Tiling } from '../model/families/family.ts'

export type Size = { width: number; height: number }

export const imageDetails = ['auto', 'low', 'high'] as const
/** `low`: one tile; `high`: as many as the model was trained to use; `auto`: as few as keep most of the detail. */
export type ImageDetail = (typeof imageDetails)[number]

/** The share of `high`'s resolution, along a side, that `auto` keeps at least. */
const keptByAuto = 0.75

type Canvas = { columns: number; rows: number }

const tilesOf = ({ columns, rows }: Canvas): number => columns * rows

/** Rows outer, columns inner: on a tie of scale and area the engine takes the first. */
function canvases(most: number): Canvas[] {
  const counts = Array.from({ length: most }, (_, index) => index + 1)
  return counts
    .flatMap((rows) => counts.map((columns) => ({ columns, rows })))
    .filter((canvas) => tilesOf(canvas) <= most)
}

const scaleOnto = ({ columns, rows }: Canvas, { width, height }: Size, side: number): number =>
  Math.min((columns * side) / width, (rows * side) / height)

/** Tiles that the engine cuts a picture of this size into: least enlargement, else least reduction, else least area. */
export function tileCount(size: Size, { side, most }: Tiling): number {
  const fits = canvases(most).map((canvas) => ({ canvas, scale: scaleOnto(canvas, size, side) }))
  const enlarging = fits.filter(({ scale }) => scale >= 1).map(({ scale }) => scale)
  const chosen = enlarging.length > 0 ? Math.min(...enlarging) : Math.max(...fits.map(({ scale }) => scale))
  return Math.min(...fits.filter(({ scale }) => scale === chosen).map(({ canvas }) => tilesOf(canvas)))
}

/**
 * The size to scale a picture down to, so that the engine uses as many tiles as `detail` asks for, and never more than
 * `limit`, which is 1 at least.
 */
export function sizeForDetail(
  size: Size,
  detail: ImageDetail,
  { side, most }: Tiling,
  limit: number = most,
): Size {
  if (detail === 'high' && limit >= most) return size
  const scale = scaleForDetail(size, detail, { side, most: Math.min(most, limit) })
  if (scale >= 1) return size
  const scaled = (length: number) => Math.max(1, Math.round(length * scale))
  return { width: scaled(size.width), height: scaled(size.height) }
}

function scaleForDetail(size: Size, detail: ImageDetail, { side, most }: Tiling): number {
  const best = (tiles: number): number =>
    Math.max(...canvases(tiles).map((canvas) => scaleOnto(canvas, size, side)))
  if (detail === 'low') return best(1)
  if (detail === 'high') return best(most)
  const enough = keptByAuto * Math.min(1, best(most))
  const tiles = Array.from({ length: most }, (_, index) => index + 1).find((count) => best(count) >= enough)
  return best(tiles ?? most)
}
