/** Eight clients send what ends the engine, again and again; one asks honestly. The engine is the fake one. */
import { setTimeout as sleep } from 'node:timers/promises'
import { fakeEngineConfig } from '../../support/fake-engine.ts'
import { twoColours } from '../../support/images.ts'
import { health, infer } from '../../support/service.ts'
import { asked, tally, type Verdict } from '../questions.ts'
import { between, judged, none } from '../row.ts'
import { withFolder, withService } from '../service.ts'

export const name = 'poison'
export const must = 'honest client > 95 % answered'

const poisoners = 8
const lastsMs = 60_000
const answerLimitMs = 60_000

export const run = () =>
  withFolder((folder) => {
    const { MODEL_PATH, MODEL_NAME, ENGINE_PATH } = fakeEngineConfig(folder)
    return withService({ MODEL_PATH, MODEL_NAME, ENGINE_PATH }, async ({ url }) => {
      /** Each client has a picture of its own, told apart by its width. */
      const picture = async (client: number) =>
        (
          await twoColours(40 + client)
            .png()
            .toBuffer()
        ).toString('base64')
      const image = await picture(poisoners)
      const honest = {
        request: { prompt: 'hello', image, temperature: 0 },
        answers: new Set(['a fake answer']),
      }
      const until = performance.now() + lastsMs
      const codes = new Map<string, number>()
      const poisoning = Array.from({ length: poisoners }, async (_, client) => {
        const request = { prompt: 'fault:crash', image: await picture(client) }
        while (performance.now() < until) {
          const code = await infer(url, request).then(
            ({ body }) => body.details?.code ?? 'answered',
            () => 'unanswered',
          )
          codes.set(code, (codes.get(code) ?? 0) + 1)
          await sleep(250)
        }
      })
      const verdicts: Verdict[] = []
      while (performance.now() < until) {
        verdicts.push(await asked(url, honest, answerLimitMs))
        await sleep(100)
      }
      await Promise.all(poisoning)
      const { right, wrong, untyped, hung } = tally(verdicts)
      const { restarts } = (await health(url)).body.engine
      return judged([
        between('honest answered', (100 * right) / verdicts.length, 95, 100, ` % of ${verdicts.length}`),
        none('wrong, untyped, hung', wrong + untyped + hung),
        between('poison refused as such', codes.get('poison_request') ?? 0, 1, Number.POSITIVE_INFINITY),
        none('poison unanswered', codes.get('unanswered') ?? 0),
        between('restarts', restarts, 2 * poisoners, 2 * poisoners),
      ])
    })
  })
