/** Tiles are squares of this many pixels; a picture is cut into at most four. */
export const TILE = 56
export const MOST_TILES = 4

/** Rows and columns of tiles; a canvas's number in the model's tables is its place here plus one. */
const CANVASES = [
  [1, 1],
  [1, 2],
  [1, 3],
  [1, 4],
  [2, 1],
  [2, 2],
  [3, 1],
  [4, 1],
] as const

/** Where a picture goes: a canvas of whole tiles, and the size it has on it, at the top left. */
export interface Layout {
  /** 1 to 8. */
  readonly aspect: number
  readonly rows: number
  readonly columns: number
  readonly width: number
  readonly height: number
}

/** The least enlargement that is one, else the least reduction; then the smallest canvas. */
function chooseCanvas(width: number, height: number): number {
  const scales = CANVASES.map(([rows, columns]) => Math.min((rows * TILE) / height, (columns * TILE) / width))
  const larger = scales.filter((scale) => scale >= 1)
  const chosen = larger.length > 0 ? Math.min(...larger) : Math.max(...scales)
  const fitting = CANVASES.filter((_, index) => scales[index] === chosen)
  const least = Math.min(...fitting.map(([rows, columns]) => rows * columns))
  return CANVASES.findIndex(([rows, columns], index) => scales[index] === chosen && rows * columns === least)
}

/** What the engine does with a picture of this size. */
export function layOut(width: number, height: number): Layout {
  const index = chooseCanvas(width, height)
  const [rows, columns] = CANVASES[index] ?? [1, 1]
  const clip = (side: number, tiles: number): number => Math.min(Math.max(side, TILE), tiles * TILE)
  const [widest, highest] = [clip(width, columns), clip(height, rows)]
  const [across, down] = [widest / width, highest / height]
  const size =
    across < down
      ? { width: widest, height: Math.min(Math.floor(height * across) || 1, highest) }
      : { width: Math.min(Math.floor(width * down) || 1, widest), height: highest }
  return { aspect: index + 1, rows, columns, ...size }
}
