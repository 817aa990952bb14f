/** Llama 3.2 Vision through the service: any layout of its files, and as many tiles as asked for. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { patternPicture } from '../support/llama-server.ts'
import { healthyService, infer } from '../support/service.ts'
import { writeTinyModel } from '../support/tiny-llama-vision.ts'

const folder = mkdtempSync(join(tmpdir(), 'tiny-llama-vision-'))
t.teardown(() => rmSync(folder, { recursive: true }))
for (const layout of ['ours', 'ollama', 'pair'] as const) writeTinyModel(folder, layout)

const photo = (await patternPicture(200, 150)).toString('base64')
const question = { prompt: 'hello there', image: photo, temperature: 0, max_tokens: 8 }

t.test('the same answer from every layout, found without being told', async (t) => {
  const answers: string[] = []
  for (const MODEL_NAME of ['ours.gguf', 'ollama.gguf', 'pair.gguf']) {
    const service = await healthyService(t, { MODEL_PATH: folder, MODEL_NAME })
    const { status, body } = await infer(service.url, question)
    t.equal(status, 200, MODEL_NAME)
    answers.push(body.response_text)
    service.process.kill('SIGTERM')
    await service.exited
  }
  t.equal(new Set(answers).size, 1, answers.join(' | '))
  t.not(answers[0], '')
})

t.test('image_detail decides how many tiles are looked at, and the answer tells', async (t) => {
  const service = await healthyService(t, { MODEL_PATH: folder, MODEL_NAME: 'ours.gguf' })
  const about = async (changes: object) => (await infer(service.url, { ...question, ...changes })).body
  const [low, auto, high] = await Promise.all(
    ['low', 'auto', 'high'].map((image_detail) => about({ image_detail })),
  )
  t.match(low?.metadata, { image_detail: 'low', image: { tiles: 1, sent: { width: 56, height: 42 } } })
  t.match(auto?.metadata, { image_detail: 'auto', image: { tiles: 4 } })
  t.match(high?.metadata, { image_detail: 'high', image: { tiles: 4, sent: { unchanged: true } } })
  t.equal(low?.token_usage.prompt_tokens, high?.token_usage.prompt_tokens, 'tiles are no tokens')
  t.not(low?.response_text, high?.response_text, 'it sees something else')
})

t.test('the prompt has the layout that the model was trained with', async (t) => {
  const service = await healthyService(t, { MODEL_PATH: folder, MODEL_NAME: 'ollama.gguf' })
  const { body } = await infer(service.url, { ...question, prompt: 'a b' })
  const special = [
    'begin_of_text',
    'start_header',
    'end_header',
    'image',
    'eot',
    'start_header',
    'end_header',
  ]
  const letters = 'user\n\n' + 'a b' + 'assistant\n\n'
  t.equal(body.token_usage.prompt_tokens, special.length + letters.length, 'no system message')
})

t.test('as many pictures as a request may have find room, each in its share of the tiles', async (t) => {
  const service = await healthyService(t, { MODEL_PATH: folder, MODEL_NAME: 'ours.gguf', MAX_IMAGES: '20' })
  const { image: _, ...bare } = question
  const pictures = await Promise.all(
    Array.from({ length: 20 }, async (_, index) =>
      (await patternPicture(200 - 4 * index, 150)).toString('base64'),
    ),
  )
  const answers: string[] = []
  for (const [count, tiles] of [
    [1, 4],
    [5, 4],
    [10, 2],
    [20, 1],
  ] as const) {
    const images = pictures.slice(0, count)
    const { status, body } = await infer(service.url, { ...bare, images, image_detail: 'high' })
    t.equal(status, 200, `${count} pictures`)
    for (const image of body.metadata?.images ?? []) t.ok((image.tiles ?? 9) <= tiles, `${image.tiles} tiles`)
    answers.push(body.response_text)
  }
  t.equal(new Set(answers).size, answers.length, 'what they show is seen')
})
