/**
 * What Llama 3.2 11B Vision costs on this machine, with a model of its true shape and made-up weights: seconds for a
 * picture of one, two and four tiles, with padding merged and computed whole; tokens a second beside what memory
 * allows; time to the first token for a first and a second question; memory. One run, about half an hour on two cores.
 * usage: node --import tsx bench/mllama.ts
 */
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../src/config.ts'
import { readBandwidth } from './bandwidth.ts'
import { benchModel, bytesPerToken, crossBytesPerRow, rowsPerTile, tilesPicture } from './mllama-model.ts'
import { ask, type BenchService, withService } from './service.ts'

const gb = 1e9
const answerTokens = 16
const rounds = 15
const threads = Number(process.env.THREADS ?? 2)

const pictures = [
  { tiles: 1, columns: 1, rows: 1 },
  { tiles: 2, columns: 2, rows: 1 },
  { tiles: 4, columns: 2, rows: 2 },
]

const model = benchModel()
const folder = mkdtempSync(join(tmpdir(), 'llama-vision-bench-'))
const environment = {
  MODEL_PATH: model.folder,
  MODEL_NAME: model.name,
  THREADS: String(threads),
  CONTEXT_SIZE: '2048',
  REQUEST_TIMEOUT: '3600',
}
const question = { temperature: 0, image_detail: 'high', max_tokens: 1 }

/** Its vocabulary has a token for each letter, so these are as long as "What is this?" and "And what colour is it?". */
const [firstPrompt, secondPrompt] = ['abcd', 'efghij']

type Seconds = { first: number; picture: number }

/**
 * By tiles: seconds until the first token of a first question, and what of it the picture alone takes, which is what
 * a second question of the same length goes without.
 */
async function firstQuestions(service: BenchService, seed: number): Promise<Map<number, Seconds>> {
  const seconds = new Map<number, Seconds>()
  for (const { tiles, columns, rows } of pictures) {
    const image = await tilesPicture(columns, rows, seed)
    const { metadata } = await ask(service.url, { ...question, image, prompt: firstPrompt })
    if (metadata.image.tiles !== tiles) throw new Error(`${metadata.image.tiles} tiles instead of ${tiles}`)
    const again = await ask(service.url, {
      ...question,
      image,
      prompt: firstPrompt.split('').reverse().join(''),
    })
    const first = metadata.timings_ms.prompt / 1000
    const one = { first, picture: first - again.metadata.timings_ms.prompt / 1000 }
    seconds.set(tiles, one)
    console.error(
      `${tiles} tiles: first token after ${one.first.toFixed(1)} s, ${one.picture.toFixed(1)} s for the picture`,
    )
  }
  return seconds
}

/** The engine behind a program that has it compute every padding tile, as the reference implementation does. */
function unmergedEngine(): string {
  const wrapper = join(folder, 'llama-server')
  writeFileSync(
    wrapper,
    `#!/bin/sh\nMTMD_MLLAMA_UNMERGED=1 exec '${join(packageRoot, '.engine/bin/llama-server')}' "$@"\n`,
  )
  chmodSync(wrapper, 0o755)
  return wrapper
}

let merged = new Map<number, Seconds>()
let unmerged = new Map<number, Seconds>()
try {
  await withService(environment, async (service) => {
    merged = await firstQuestions(service, 1)
    await generation(service)
    await memory(service)
  })
  await withService({ ...environment, ENGINE_PATH: unmergedEngine() }, async (service) => {
    unmerged = await firstQuestions(service, 1)
  })
} finally {
  rmSync(folder, { recursive: true })
}
console.log(
  '\n| tiles | first token | picture alone | the same, every padding tile computed | share |\n|---|---|---|---|---|',
)
for (const { tiles } of pictures) {
  const [quick, slow] = [merged.get(tiles), unmerged.get(tiles)]
  if (!quick || !slow) throw new Error(`${tiles} tiles were not measured`)
  console.log(
    `| ${tiles} | ${quick.first.toFixed(1)} s | ${quick.picture.toFixed(1)} s | ${slow.picture.toFixed(1)} s | ${(quick.picture / slow.picture).toFixed(2)} |`,
  )
}

async function generation(service: BenchService): Promise<void> {
  const image = await tilesPicture(1, 1, 2)
  const first = await ask(service.url, { ...question, image, prompt: firstPrompt })
  const second = await ask(service.url, { ...question, image, prompt: secondPrompt })
  const [firstMs, secondMs] = [first.metadata.timings_ms.total, second.metadata.timings_ms.total]
  console.log(
    `time to the first token, one tile: first question ${(firstMs / 1000).toFixed(1)} s, second ${(secondMs / 1000).toFixed(2)} s, ratio ${(secondMs / firstMs).toFixed(3)}`,
  )
  const long = await ask(service.url, { ...question, image, prompt: 'word '.repeat(100) })
  const computed = long.token_usage.prompt_tokens - long.metadata.cached_prompt_tokens
  console.log(
    `prompt: ${((1000 * computed) / long.metadata.timings_ms.prompt).toFixed(1)} tokens a second (${computed} tokens)`,
  )
  const bytes = bytesPerToken + rowsPerTile * crossBytesPerRow
  // In pairs: on a shared machine the memory's speed comes and goes within seconds.
  const pairs: { rate: number; bandwidth: number; share: number }[] = []
  for (let round = 0; round < rounds; round += 1) {
    const answer = await ask(service.url, {
      ...question,
      image,
      prompt: 'Tell me.',
      max_tokens: answerTokens,
    })
    const rate = answer.metadata.tokens_per_second
    const bandwidth = await readBandwidth(threads, bytes)
    pairs.push({ rate, bandwidth, share: (rate * bytes) / bandwidth })
  }
  pairs.sort((one, other) => one.share - other.share)
  const percent = (share = 0) => `${(100 * share).toFixed(0)} %`
  const middle = pairs[Math.floor(rounds / 2)]
  if (!middle) throw new Error('nothing was generated')
  console.log(
    `generation: ${middle.rate.toFixed(2)} tokens a second of ${(bytes / gb).toFixed(2)} GB each; memory reads ${(middle.bandwidth / gb).toFixed(1)} GB/s, which allows ${(middle.bandwidth / bytes).toFixed(2)}: ${percent(middle.share)}, the median of ${rounds} pairs from ${percent(pairs[0]?.share)} to ${percent(pairs.at(-1)?.share)}`,
  )
}

async function memory(service: BenchService): Promise<void> {
  const { memoryMib } = await service.measure()
  const peak = service.enginePeakBytes() + memoryMib * 1024 ** 2
  const file = statSync(join(model.folder, model.name)).size
  console.log(
    `memory: peak of the engine ${(service.enginePeakBytes() / gb).toFixed(2)} GB, with the gateway ${(peak / gb).toFixed(2)} GB; the file has ${(file / gb).toFixed(2)} GB: ${((peak - file) / gb).toFixed(2)} GB more`,
  )
}
