import t from 'tap'
import { rowsInRoom, tileLimit, tilesInRoom } from '../../src/model/picture-room.ts'
import { someModel } from '../support/model-facts.ts'

const tiling = { side: 560, most: 4 }
const model = someModel({ projector: { ...someModel().projector, tiling, rowsPerTile: 1601 } })

t.test('there is room for one picture of the most tiles, and for a tile of every picture', (t) => {
  t.equal(rowsInRoom(model, { maxImages: 1, maxTiles: 0 }), 4 * 1601)
  t.equal(rowsInRoom(model, { maxImages: 8, maxTiles: 0 }), 8 * 1601)
  t.equal(rowsInRoom(someModel(), { maxImages: 8, maxTiles: 0 }), undefined, 'pictures are tokens')
  for (const maxTiles of [1, 5, 64]) {
    t.equal(tilesInRoom(tiling, { maxImages: 8, maxTiles }), maxTiles, 'or as much as is said')
    t.equal(rowsInRoom(model, { maxImages: 8, maxTiles }), maxTiles * 1601)
  }
  t.end()
})

t.test('pictures share the room evenly, and none goes without', (t) => {
  t.same(
    [1, 2, 3, 4, 5, 8].map((pictures) => tileLimit(tiling, pictures, 8)),
    [4, 4, 2, 2, 1, 1],
  )
  t.equal(tileLimit(tiling, 1, 4), 4)
  t.equal(tileLimit(tiling, 0, 8), 4, 'a text without pictures')
  t.equal(tileLimit(tiling, 9, 8), 1, 'those beyond it are found by their sum')
  t.end()
})
