/**
 * Two engines with the same model of Llama 3.2 11B Vision's true shape, one after the other: seconds until the first
 * token about a picture of one and of four tiles, and the share of the first engine's that the second takes. Some six
 * minutes on two cores. `.engine/bin/llama-server` is the one of this checkout.
 * usage: node --import tsx bench/engines.ts LLAMA_SERVER_BEFORE [LLAMA_SERVER_AFTER]
 */
import { resolve } from 'node:path'
import { benchModel, tilesPicture } from './mllama-model.ts'
import { ask, withService } from './service.ts'

const [before, after = '.engine/bin/llama-server'] = process.argv.slice(2)
if (before === undefined) throw new Error('usage: bench/engines.ts LLAMA_SERVER_BEFORE [LLAMA_SERVER_AFTER]')

const sides = [1, 2]
const model = benchModel()

const pictures = await Promise.all(sides.map((side) => tilesPicture(side, side, 0)))

async function seconds(engine: string): Promise<number[]> {
  const taken: number[] = []
  const environment = {
    MODEL_PATH: model.folder,
    MODEL_NAME: model.name,
    ENGINE_PATH: resolve(engine),
    THREADS: process.env.THREADS ?? '2',
    CONTEXT_SIZE: '2048',
    REQUEST_TIMEOUT: '3600',
  }
  await withService(environment, async ({ url }) => {
    for (const image of pictures) {
      const question = { prompt: 'abcd', image, image_detail: 'high', temperature: 0, max_tokens: 1 }
      const { metadata } = await ask(url, question)
      taken.push(metadata.timings_ms.prompt / 1000)
    }
  })
  return taken
}

const [first, second] = [await seconds(before), await seconds(after)]
console.log('| tiles | before | after | share |\n|---|---|---|---|')
for (const [index, side] of sides.entries()) {
  const [old = Number.NaN, now = Number.NaN] = [first[index], second[index]]
  console.log(`| ${side ** 2} | ${old.toFixed(1)} s | ${now.toFixed(1)} s | ${(now / old).toFixed(2)} |`)
}
