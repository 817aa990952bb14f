import t from 'tap'
import type { PictureCost } from '../../src/model/picture-cost/cost.ts'
import { contextFor, imageTokenCap, pictureShare, toldCost } from '../../src/model/picture-share.ts'
import { someModel } from '../support/model-facts.ts'

const told = { contextTokens: 2048, imageMaxTokens: 0 }
const edge: PictureCost = { kind: 'edge', side: 384, tile: 81, longestEdge: 1536, mostArea: 0 }
const withCost = (type: string, pictureCost: PictureCost) =>
  someModel({ contextLength: 32_768, projector: { ...someModel().projector, type, pictureCost } })

t.test('pictures share what the text leaves of the context', (t) => {
  t.equal(pictureShare(told, 1), 1024)
  t.equal(pictureShare(told, 2), 512)
  t.equal(pictureShare({ ...told, contextTokens: 4096 }, 1), 3072)
  t.equal(pictureShare({ ...told, contextTokens: 512 }, 1), 256)
  t.equal(pictureShare({ ...told, imageMaxTokens: 100 }, 1), 100)
  t.equal(pictureShare({ ...told, imageMaxTokens: 900 }, 4), 256)
  t.equal(pictureShare(told, 0), 1024)
  t.end()
})

t.test('a context is as large as the pictures of a model need, unless somebody said otherwise', (t) => {
  const automatic = { contextTokens: 0, imageMaxTokens: 0 }
  const grid = withCost('mlp', { kind: 'grid', side: 336, tile: 576, around: 0, grids: [[2, 2]] })
  t.equal(contextFor(automatic, grid), 4096, '2880 and the text')
  t.equal(contextFor({ ...automatic, contextTokens: 512 }, grid), 512)
  t.equal(contextFor(automatic, { ...grid, contextLength: 3000 }), 3000)
  t.equal(contextFor(automatic, withCost('gemma3', { kind: 'fixed', tokens: 258 })), 2048)
  t.equal(contextFor(automatic, someModel()), 2048, 'a family of which nothing is known')
  const area: PictureCost = {
    kind: 'area',
    align: 28,
    leastArea: 0,
    mostArea: 4096 * 784,
    obeysCap: true,
    perRow: 0,
    around: 2,
  }
  t.equal(
    contextFor(automatic, withCost('qwen2vl_merger', area)),
    2048,
    'one that can be made smaller bit by bit',
  )
  t.end()
})

t.test('tiles of one size are told to the engine where the context does not hold all of them', (t) => {
  const model = withCost('idefics3', edge)
  t.equal(imageTokenCap({ ...told, contextTokens: 4096 }, model), undefined)
  t.equal(imageTokenCap(told, model), 11 * 81)
  t.match(toldCost(told, model), { mostArea: 11 * 384 ** 2 })
  t.equal(imageTokenCap({ ...told, imageMaxTokens: 1 }, model), 81, 'one at least')
  t.end()
})
