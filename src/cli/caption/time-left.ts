/**
 * How long the pictures to come will take: by their tiles, for the time grows with those. How many a picture will have is
 * known from others of about its shape, or else from all others; models without tiles have one a picture.
 */
import type { Size } from '../../image/tiles.ts'

export type TimeLeft = {
  /** A picture that is to be asked about; its size may come later, or never. */
  expect(path: string): void
  isToCome(path: string): boolean
  measured(path: string, size: Size): void
  /** It was answered, with so many tiles, after so many seconds of work. */
  answered(path: string, tiles: number, seconds: number): void
  failed(path: string): void
  /** With so many at once; undefined before the first was answered. */
  seconds(atOnce: number): number | undefined
}

type Sum = { tiles: number; pictures: number }

export function createTimeLeft(): TimeLeft {
  const toCome = new Map<string, string>()
  const sums = new Map<string, Sum>()
  const all: Sum = { tiles: 0, pictures: 0 }
  let workSeconds = 0

  function meanTiles(shape: string): number {
    const { tiles, pictures } = sums.get(shape) ?? all
    return tiles / pictures
  }

  return {
    expect: (path) => toCome.set(path, unknownShape),
    isToCome: (path) => toCome.has(path),
    measured(path, size) {
      if (toCome.has(path)) toCome.set(path, shapeOf(size))
    },
    answered(path, tiles, seconds) {
      const shape = toCome.get(path) ?? unknownShape
      toCome.delete(path)
      const sum = sums.get(shape) ?? { tiles: 0, pictures: 0 }
      // Nothing is learnt of pictures of which nothing is known.
      if (shape !== unknownShape) sums.set(shape, sum)
      for (const one of [sum, all]) {
        one.tiles += tiles
        one.pictures += 1
      }
      workSeconds += seconds
    },
    failed: (path) => toCome.delete(path),
    seconds(atOnce) {
      if (all.tiles === 0) return undefined
      const tiles = [...toCome.values()].reduce((sum, shape) => sum + meanTiles(shape), 0)
      return ((workSeconds / all.tiles) * tiles) / Math.max(1, Math.min(atOnce, toCome.size))
    },
  }
}

const unknownShape = ''
/** Two pictures are of one shape when neither length differs by more than about a fifth. */
const stepsPerDoubling = 3
/** Beyond that, only the ratio of its sides decides about a picture's tiles. */
const largestSide = 2048

function shapeOf({ width, height }: Size): string {
  const scale = Math.min(1, largestSide / Math.max(width, height))
  const step = (length: number) => Math.round(stepsPerDoubling * Math.log2(length * scale))
  return `${step(width)}x${step(height)}`
}
