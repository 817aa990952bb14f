import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageRoot } from '../../src/config.ts'
import { familyOf, knownFamilies } from '../../src/model/families/known-families.ts'

const folder = join(packageRoot, 'src/model/families')

t.test('a family is a file, and every file is in the list', async (t) => {
  const files = readdirSync(folder).filter((name) => !['family.ts', 'known-families.ts'].includes(name))
  for (const file of files) {
    const exported = Object.values(await import(join(folder, file)))
    t.equal(exported.length, 1, `${file} exports one family`)
    t.ok(knownFamilies.includes(exported[0] as (typeof knownFamilies)[number]), `${file} is in the list`)
  }
  t.equal(knownFamilies.length, files.length)
})

t.test('no two families claim the same projector or the same files', (t) => {
  const types = knownFamilies.flatMap(({ projectorTypes }) => projectorTypes)
  t.equal(new Set(types).size, types.length)
  const architectures = knownFamilies.flatMap(({ ownFiles }) => ownFiles?.architecture ?? [])
  t.equal(new Set(architectures).size, architectures.length)
  for (const { pictureTokens: [least, most] = [0, 1] } of knownFamilies) t.ok(least < most)
  t.end()
})

t.test('a family that nobody described is like most', (t) => {
  t.same(familyOf('never-heard-of'), { projectorTypes: ['never-heard-of'] })
  t.equal(familyOf('gemma3nv').wholePictures, true)
  t.same(familyOf('qwen3vl_merger').pictureTokens, [8, 4096])
  t.end()
})
