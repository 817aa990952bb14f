/** Costs by figures that the makers of the models publish; test/e2e/families.test.ts holds them against the engine's. */
import t from 'tap'
import {
  mostTokens,
  type PictureCost,
  type Size,
  sizeWithin,
  tokensOf,
  withCap,
} from '../../src/model/picture-cost/cost.ts'

const size = (width: number, height: number): Size => ({ width, height })

/** Qwen2.5-VL: patches of 14, two by two of them a token. */
const qwen: PictureCost = {
  ...{ kind: 'area', align: 28, leastArea: 8 * 28 ** 2, mostArea: 4096 * 28 ** 2, obeysCap: true },
  ...{ perRow: 0, around: 2 },
}
/** LLaVA 1.6: squares of 336 in 24 x 24 patches. */
const llava: PictureCost = {
  ...{ kind: 'grid', side: 336, tile: 576, around: 0 },
  grids: [
    [1, 2],
    [2, 1],
    [2, 2],
    [3, 1],
    [1, 3],
  ],
}
/** SmolVLM 2.2B: squares of 384 in 27 x 27 patches, three by three of them a token. */
const smol: PictureCost = { kind: 'edge', side: 384, tile: 81, longestEdge: 1536, mostArea: 0 }
/** MiniCPM-V 2.6. */
const minicpm: PictureCost = { kind: 'slices', side: 448, view: 64 }
/** LFM2-VL. */
const lfm: PictureCost = {
  ...{ kind: 'thumbnail', patch: 16, align: 32, leastArea: 64 * 32 ** 2, mostArea: 256 * 32 ** 2 },
}

t.test('pictures take what their makers say', (t) => {
  t.equal(tokensOf(qwen, size(1024, 768)), 37 * 27 + 2)
  t.equal(tokensOf(qwen, size(1, 1)), 9 + 2, 'enlarged to the least')
  t.equal(tokensOf(qwen, size(8000, 8000)), 4096 + 2)
  t.equal(tokensOf(llava, size(300, 300)), 576)
  t.equal(tokensOf(llava, size(672, 672)), 2880)
  t.equal(tokensOf(llava, size(2000, 500)), 4 * 576)
  t.equal(tokensOf(smol, size(1536, 1536)), 16 * 83 + 3 + 81 + 4)
  t.equal(tokensOf(smol, size(10, 10)), 16 * 83 + 3 + 81 + 4, 'enlarged')
  t.equal(tokensOf(smol, size(1536, 384)), 4 * 83 + 81 + 4)
  t.equal(tokensOf(minicpm, size(448, 448)), 66)
  t.equal(tokensOf(minicpm, size(1344, 1344)), 66 + 9 * 66 + 2)
  t.equal(tokensOf(lfm, size(512, 512)), 256 + 2)
  t.equal(tokensOf(lfm, size(1024, 512)), 242 + 2, 'up to twice the tokens it is made smaller')
  t.equal(tokensOf(lfm, size(1024, 1024)), 4 * 257 + 256 + 1 + 2)
  t.end()
})

t.test('the most that any picture takes', (t) => {
  t.equal(mostTokens(qwen), 4098)
  t.equal(mostTokens(llava), 2880)
  t.equal(mostTokens(smol), 16 * 83 + 3 + 81 + 4)
  t.equal(mostTokens(minicpm), 66 + 9 * 66 + 8, 'nine in a column')
  t.equal(mostTokens({ kind: 'fixed', tokens: 258 }), 258)
  t.end()
})

t.test('a picture is made as much smaller as its limit asks for', (t) => {
  t.same(sizeWithin(qwen, size(400, 300), 1024), size(400, 300))
  for (const limit of [64, 300, 1024]) {
    const within = sizeWithin(qwen, size(4000, 3000), limit)
    t.ok(tokensOf(qwen, within) <= limit + 4, `${limit}`)
    t.ok(tokensOf(qwen, within) > 0.85 * limit, `${limit} is made use of`)
    t.ok(Math.abs(within.width / within.height - 4 / 3) < 0.02, 'its proportions stay')
  }
  t.equal(tokensOf(llava, sizeWithin(llava, size(1024, 768), 1024)), 576)
  t.same(sizeWithin(smol, size(1024, 768), 200), size(1024, 768), 'one that no size would help')
  t.end()
})

t.test('a cap that the engine was told', (t) => {
  t.equal(tokensOf(withCap(qwen, 256), size(4000, 4000)), 258)
  t.equal(withCap(qwen, undefined), qwen)
  t.equal(withCap(llava, 256), llava, 'means nothing to a grid')
  t.equal(tokensOf(withCap(smol, 4 * 81), size(1000, 1000)), 4 * 83 + 1 + 81 + 4)
  t.equal(tokensOf(withCap(lfm, 64), size(512, 256)), 11 * 5 + 2)
  t.end()
})
