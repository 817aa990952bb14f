/** Padding tiles are computed once for all where they are equal, which the file's tables tell: by numbers, not bytes. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { encodeScene, FIRST_HELD_OUT_SEED } from '../../models/drawings/pictures.ts'
import { heldOutQuestions } from '../../models/drawings/questions.ts'
import { packageRoot } from '../../src/config.ts'
import { bytesOf, hashedValues } from '../support/hashed-weights.ts'
import { answersDistance, asked, LlamaServer, patternPicture } from '../support/llama-server.ts'
import type { Weights } from '../support/llama-vision.ts'
import { runService, untilHealthy } from '../support/service.ts'
import { precise, smallShape, writeTinyModel } from '../support/tiny-llama-vision.ts'
import { until } from '../support/until.ts'

const folder = mkdtempSync(join(tmpdir(), 'padding-'))
t.teardown(() => rmSync(folder, { recursive: true }))

const unmerged = /absent tiles are not zero, padding tiles are computed one by one/

/** The tables' rows of absent tiles, which are 0, hold this instead. */
const absentTilesAs =
  (value: number): Weights =>
  (source) =>
  () => {
    const values = hashedValues(source)
    return [bytesOf(source.kind === 'table' ? values.map((one) => (one === 0 ? value : one)) : values)]
  }

const smallPicture = {
  prompt: asked('<__media__>hello'),
  pictures: [await patternPicture(50, 40)],
  tokens: 2,
}

t.test('a zero with a sign is zero', async (t) => {
  const plain = await LlamaServer.start(t, [...writeTinyModel(folder, 'ours'), ...precise])
  const answer = await plain.ask(smallPicture)
  t.notMatch(plain.log, unmerged)
  await plain.stop()
  const model = writeTinyModel(folder, 'ours', smallShape, absentTilesAs(-0))
  const signed = await LlamaServer.start(t, [...model, ...precise])
  t.notMatch(signed.log, unmerged)
  t.ok(answersDistance(await signed.ask(smallPicture), answer) < 1e-9)
})

t.test(
  'a file whose absent tiles differ is computed whole, and whoever runs the service is told',
  async (t) => {
    writeTinyModel(folder, 'ours', smallShape, absentTilesAs(0.001))
    const service = await runService(t, { MODEL_PATH: folder, MODEL_NAME: 'ours.gguf', LOG_LEVEL: 'info' })
    await untilHealthy(service.url)
    const told = () => service.logged.find(({ msg }) => /take up to 2.6 times as long/.test(String(msg)))
    await until(() => told() !== undefined, 'the warning')
    t.equal(told()?.level, 40)
  },
)

t.test(
  'the demo model goes the way that users go, and sees the same as with all of its padding',
  async (t) => {
    const model = ['--model', join(packageRoot, 'models/demo/demo-q4_k_m.gguf')]
    const merged = await LlamaServer.start(t, model)
    const whole = await LlamaServer.start(t, model, { environment: { MTMD_MLLAMA_UNMERGED: '1' } })
    t.notMatch(merged.log, unmerged)
    for (const { scene, question: words } of heldOutQuestions(8, FIRST_HELD_OUT_SEED, 'any-shape')) {
      const question = {
        prompt: asked(`<__media__>${words}`),
        pictures: [await encodeScene(scene, 'png')],
        tokens: 4,
      }
      const [one, all] = [await merged.ask(question), await whole.ask(question)]
      t.same(one.tokens, all.tokens)
      // With weights of 4 bits their inputs are rounded to 8: where a last digit differs, as it does from CPU to CPU, a
      // rounding may fall the other way. Padding that is merged wrongly is further off by far.
      t.ok(answersDistance(one, all) < 1e-2, `${answersDistance(one, all)}`)
    }
  },
)
