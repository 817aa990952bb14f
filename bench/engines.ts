/**
 * Two engines with the same model of Llama 3.2 11B Vision's true shape, one after the other, and what the second takes of
 * the first one's: seconds to load, to the first token about a picture of one and of four tiles and after a prompt of
 * some 500 tokens; tokens a second; memory. Some eight minutes on two cores.
 * `.engine/bin/llama-server` is the engine of this checkout.
 * usage: node --import tsx bench/engines.ts LLAMA_SERVER_BEFORE [LLAMA_SERVER_AFTER]
 */
import { resolve } from 'node:path'
import { readBandwidth } from './bandwidth.ts'
import { benchModel, bytesPerToken, tilesPicture } from './mllama-model.ts'
import { ask, withService } from './service.ts'

const [before, after = '.engine/bin/llama-server'] = process.argv.slice(2)
if (before === undefined) throw new Error('usage: bench/engines.ts LLAMA_SERVER_BEFORE [LLAMA_SERVER_AFTER]')

const gb = 1e9
const answerTokens = 32
const threads = Number(process.env.THREADS ?? 2)
const model = benchModel()

const rows = [
  'seconds to load',
  'first token, one tile, s',
  'first token, four tiles, s',
  'first token, prompt of 500, s',
  'tokens a second',
  'peak memory, GB',
] as const
type Figures = Record<(typeof rows)[number], number>

const question = { temperature: 0, image_detail: 'high', max_tokens: 1 }

async function figuresOf(engine: string): Promise<Figures> {
  const environment = {
    MODEL_PATH: model.folder,
    MODEL_NAME: model.name,
    ENGINE_PATH: resolve(engine),
    THREADS: String(threads),
    CONTEXT_SIZE: '2048',
    REQUEST_TIMEOUT: '3600',
  }
  const began = performance.now()
  let figures: Figures | undefined
  await withService(environment, async (service) => {
    const loaded = (performance.now() - began) / 1000
    const firstToken = async (request: object) =>
      (await ask(service.url, { ...question, ...request })).metadata.timings_ms.prompt / 1000
    const picture = (side: number, seed: number) => tilesPicture(side, side, seed)

    // The first picture finds pages of the model that nothing has read yet: the better of two.
    const known = await picture(1, 1)
    const one = [
      await firstToken({ prompt: 'abcd', image: await picture(1, 0) }),
      await firstToken({ prompt: 'abcd', image: known }),
    ]
    // About the picture that the engine has just seen, so that the prompt is what is left. A letter is a token.
    const letters = (first: string) => `${first}${'abcdefgh'.repeat(62)}`
    const prompt = [
      await firstToken({ prompt: letters('x'), image: known }),
      await firstToken({ prompt: letters('y'), image: known }),
    ]
    const answer = async (letter: string) => {
      const request = { ...question, prompt: `abcd${letter}`, image: known, max_tokens: answerTokens }
      return (await ask(service.url, request)).metadata.tokens_per_second
    }
    const rates = [await answer('a'), await answer('b'), await answer('c')]
    const four = await firstToken({ prompt: 'abcd', image: await picture(2, 0) })
    figures = {
      'seconds to load': loaded,
      'first token, one tile, s': Math.min(...one),
      'first token, four tiles, s': four,
      'first token, prompt of 500, s': Math.min(...prompt),
      'tokens a second': Math.max(...rates),
      'peak memory, GB': service.enginePeakBytes() / gb,
    }
  })
  if (!figures) throw new Error('nothing was measured')
  console.error(engine, figures)
  return figures
}

const first = await figuresOf(before)
const second = await figuresOf(after)
console.log('| | before | after | share |\n|---|---|---|---|')
for (const row of rows) {
  const [old, now] = [first[row], second[row]]
  console.log(`| ${row} | ${old.toFixed(1)} | ${now.toFixed(1)} | ${(now / old).toFixed(2)} |`)
}
let fastest = 0
for (let reading = 0; reading < 5; reading += 1)
  fastest = Math.max(fastest, await readBandwidth(threads, 8 * gb))
const most = fastest / bytesPerToken
console.log(
  `\nMemory delivers ${(fastest / gb).toFixed(1)} GB/s: ${most.toFixed(1)} tokens a second at most.`,
)
