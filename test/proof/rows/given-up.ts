/** Clients that leave while the engine looks at their picture, which would take it many seconds more. */
import { setTimeout as sleep } from 'node:timers/promises'
import { patternPicture } from '../../support/llama-server.ts'
import { infer } from '../../support/service.ts'
import { smallShape, writeTinyModel } from '../../support/tiny-llama-vision.ts'
import { atMost, between, type Figure, holds, judged } from '../row.ts'
import { inside, timeUntil, withFolder, withService } from '../service.ts'

export const name = 'pictures given up at 20, 50 and 80 % of the work'
export const must = 'slot free in 300 ms, the next answer right'

const shares = [0.2, 0.5, 0.8]
const freeLimitMs = 60_000

/** Rows and head size of the released models in a tower of a quarter of their width, two thirds of their layers. */
const shape = {
  ...smallShape,
  vision: {
    ...smallShape.vision,
    hidden: 320,
    heads: 4,
    ffn: 1280,
    layers: 20,
    globalLayers: 5,
    imageSize: 560,
    intermediate: [2, 9, 18],
  },
}

export const run = () =>
  withFolder(async (folder) => {
    writeTinyModel(folder, 'ours', shape)
    const image = (await patternPicture(1120, 1120)).toString('base64')
    const other = (await patternPicture(56, 56)).toString('base64')
    const question = { prompt: 'hello', image, image_detail: 'high', temperature: 0, max_tokens: 4 }
    const env = {
      MODEL_PATH: folder,
      MODEL_NAME: 'ours.gguf',
      SLOTS: '1',
      THREADS: '2',
      PROMPT_CACHE_MIB: '0',
    }
    return withService(env, async ({ url }) => {
      const first = await infer(url, question)
      const tookMs = first.body.metadata.timings_ms.prompt
      const figures: Figure[] = []
      for (const share of shares) {
        // Or the picture would still be there.
        await infer(url, { ...question, image: other })
        const caller = new AbortController()
        const left = fetch(`${url}/infer`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(question),
          signal: caller.signal,
        }).then(
          () => false,
          () => true,
        )
        await sleep(share * tookMs)
        caller.abort()
        const freeMs = await timeUntil(async () => (await inside(url)) === 0, freeLimitMs, 5)
        figures.push(
          holds(`${share * 100} %: before its answer`, await left),
          atMost('free after', freeMs ?? Number.POSITIVE_INFINITY, 300, ' ms'),
        )
      }
      const again = await infer(url, question)
      return judged([
        between('the picture takes', tookMs, 2000, Number.POSITIVE_INFINITY, ' ms'),
        ...figures,
        holds('the same answer', again.body.response_text === first.body.response_text),
      ])
    })
  })
