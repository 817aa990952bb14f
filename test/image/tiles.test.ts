import t from 'tap'
import { sizeForDetail, tileCount } from '../../src/image/tiles.ts'
import type { Tiling } from '../../src/model/families/family.ts'

const tiling: Tiling = { side: 560, most: 4 }

/** Width, height and tiles as the model's own image processor (transformers 5.18) decides. */
const trained = [
  [1, 1, 1],
  [100, 50, 1],
  [400, 300, 1],
  [560, 560, 1],
  [561, 560, 2],
  [640, 480, 2],
  [800, 600, 4],
  [1120, 560, 2],
  [1120, 1120, 4],
  [1920, 1080, 4],
  [600, 2000, 4],
  [3000, 500, 4],
  [4000, 3000, 4],
  [300, 1500, 3],
  [224, 1200, 3],
  [20, 3000, 4],
] as const

t.test('a picture takes the tiles of the canvas that the model was trained with', (t) => {
  for (const [width, height, tiles] of trained) {
    t.equal(tileCount({ width, height }, tiling), tiles, `${width}x${height}`)
  }
  t.end()
})

t.test('high leaves the choice to the engine', (t) => {
  t.same(sizeForDetail({ width: 4000, height: 3000 }, 'high', tiling), { width: 4000, height: 3000 })
  t.end()
})

t.test('low is one tile, and a small picture stays as it is', (t) => {
  t.same(sizeForDetail({ width: 4000, height: 3000 }, 'low', tiling), { width: 560, height: 420 })
  t.same(sizeForDetail({ width: 3, height: 3000 }, 'low', tiling), { width: 1, height: 560 })
  t.same(sizeForDetail({ width: 500, height: 100 }, 'low', tiling), { width: 500, height: 100 })
  t.end()
})

t.test('auto takes the fewest tiles that keep three quarters of the detail', (t) => {
  const auto = [
    [561, 560, 560, 559, 1],
    [640, 480, 560, 420, 1],
    [800, 600, 747, 560, 2],
    [1280, 720, 996, 560, 2],
    [1024, 768, 1024, 768, 4],
    [4000, 3000, 1120, 840, 4],
    [1680, 560, 1680, 560, 3],
  ] as const
  for (const [width, height, framedWidth, framedHeight, tiles] of auto) {
    const framed = sizeForDetail({ width, height }, 'auto', tiling)
    t.same(framed, { width: framedWidth, height: framedHeight }, `${width}x${height}`)
    t.equal(tileCount(framed, tiling), tiles, `${width}x${height}`)
  }
  t.end()
})

t.test(
  'whatever the size, low costs one tile, auto never more than high, a limit holds, and none enlarges',
  (t) => {
    const wrong: string[] = []
    for (let width = 1; width <= 4000; width += 37) {
      for (let height = 1; height <= 4000; height += 41) {
        const size = { width, height }
        const low = sizeForDetail(size, 'low', tiling)
        const auto = sizeForDetail(size, 'auto', tiling)
        const most = [2, 3].map((limit) => sizeForDetail(size, 'high', tiling, limit))
        if (most.some((framed, index) => tileCount(framed, tiling) > index + 2))
          wrong.push(`high of ${width}x${height}`)
        const enlarged = [low, auto, ...most].some((framed) => framed.width > width || framed.height > height)
        if (enlarged || tileCount(low, tiling) !== 1 || tileCount(auto, tiling) > tileCount(size, tiling)) {
          wrong.push(`${width}x${height}`)
        }
      }
    }
    t.same(wrong, [])
    t.end()
  },
)
