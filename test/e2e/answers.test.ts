/** The demo models really look: what they answer is what was drawn. */
import t from 'tap'
import { encodeScene, FIRST_HELD_OUT_SEED } from '../../models/drawings/pictures.ts'
import { heldOutQuestions, KINDS } from '../../models/drawings/questions.ts'
import { healthyService, infer } from '../support/service.ts'

const questions = 72
/** A first seed whose pictures no other test has shown to the engine, which would remember them. */
const otherPictures = FIRST_HELD_OUT_SEED + 1_000_000
const formats = ['png', 'jpeg', 'webp'] as const

/** `demo` has tiles for pictures of any shape, and a picture is one token of its prompt. */
const models = [
  { MODEL_NAME: 'demo', sizes: 'any-shape', pictureTokens: 1, pictures: 1 },
  { MODEL_NAME: 'demo-mmproj', sizes: 'ordinary', pictureTokens: 64, pictures: 2 },
] as const

type Progress = { stage: string; done: number; total: number; seconds_left: number }

async function pictureProgress(url: string, request: object): Promise<Progress[]> {
  const response = await fetch(`${url}/infer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...request, stream: true }),
  })
  const told = (await response.text()).matchAll(/^event: progress\ndata: (.*)$/gm)
  return Array.from(told, ([, data = '']) => JSON.parse(data)).filter(({ stage }) => stage === 'picture')
}

for (const { MODEL_NAME, sizes, pictureTokens, pictures } of models) {
  t.test(MODEL_NAME, async (t) => {
    const service = await healthyService(t, { MODEL_NAME })

    await t.test(
      `answers at least 90 % of ${questions} questions about unseen pictures exactly`,
      async (t) => {
        const wrong: string[] = []
        const asked = heldOutQuestions(questions, FIRST_HELD_OUT_SEED, sizes)
        t.equal(asked.length, questions)
        t.strictSame(new Set(asked.map(({ kind }) => kind)), new Set(KINDS))
        for (const [index, { scene, question, answer, seed }] of asked.entries()) {
          const format = formats[index % formats.length] ?? 'png'
          const image = (await encodeScene(scene, format)).toString('base64')
          const { body } = await infer(service.url, { prompt: question, image, temperature: 0 })
          if (body.response_text !== answer)
            wrong.push(`${seed} ${format} "${question}": ${body.response_text}, not ${answer}`)
        }
        t.ok(wrong.length <= questions / 10, `${wrong.length} of ${questions} wrong`, { wrong })
      },
    )

    await t.test('skips the picture for a second question about it', async (t) => {
      const ratios: number[] = []
      for (const { scene } of heldOutQuestions(5, otherPictures)) {
        const image = (await encodeScene(scene, 'png')).toString('base64')
        const ask = async (prompt: string) =>
          (await infer(service.url, { prompt, image, temperature: 0 })).body.metadata
        const first = await ask('What colour is it?')
        const second = await ask('How many shapes are there?')
        const reused = second.cached_prompt_tokens - first.cached_prompt_tokens
        t.ok(reused >= pictureTokens / 2, 'the picture is reused')
        ratios.push(second.timings_ms.prompt / first.timings_ms.prompt)
      }
      const median = ratios.sort((a, b) => a - b)[2] ?? 1
      t.ok(median < 0.5, `prompt time of the second question is ${median.toFixed(2)} of the first`)
    })

    await t.test('begins a follow-up question where its last answer ended', async (t) => {
      const [{ scene, question } = never()] = heldOutQuestions(1, otherPictures + 2000, sizes)
      const image = (await encodeScene(scene, 'png')).toString('base64')
      const prompt = 'Describe this image'
      const ask = async (request: object) =>
        (await infer(service.url, { ...request, image, temperature: 0 })).body
      const first = await ask({ prompt })
      const { prompt_tokens: read, completion_tokens: written } = first.token_usage
      const history = [{ prompt, response_text: first.response_text }]
      const second = await ask({ prompt: question, history })
      t.ok(
        second.metadata.cached_prompt_tokens > read,
        'the picture and what was asked are known, and the answer',
      )
      t.ok(second.token_usage.prompt_tokens > read + written, 'all of it is part of the prompt')
      const chat = await fetch(`${service.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          messages: [
            {
              role: 'user',
              content: [
                { type: 'image_url', image_url: { url: `data:image/png;base64,${image}` } },
                { type: 'text', text: prompt },
              ],
            },
            { role: 'assistant', content: first.response_text },
            { role: 'user', content: question },
          ],
          temperature: 0,
        }),
      })
      const { usage, choices } = (await chat.json()) as {
        usage: { prompt_tokens: number }
        choices: { message: { content: string } }[]
      }
      t.equal(usage.prompt_tokens, second.token_usage.prompt_tokens, 'as in a chat of the same words')
      t.equal(choices[0]?.message.content, second.response_text)
    })

    await t.test('tells how far its pictures are, to the end of the last', async (t) => {
      const asked = heldOutQuestions(pictures, otherPictures + 1000)
      const images = await Promise.all(
        asked.map(async ({ scene }) => (await encodeScene(scene, 'png')).toString('base64')),
      )
      const told = await pictureProgress(service.url, {
        prompt: 'Describe this image',
        images,
        max_tokens: 1,
      })
      const last = told.at(-1)
      t.match(last, { done: last?.total, seconds_left: 0 })
      t.ok(told.length > 0 && told.every(({ total }) => total === last?.total && total > pictures))
      t.strictSame(
        told,
        told.toSorted((one, other) => one.done - other.done),
      )
    })

    await t.test('gives the same answer every time at temperature 0', async (t) => {
      const [asked] = heldOutQuestions(1)
      if (!asked) throw new Error('no question')
      const image = (await encodeScene(asked.scene, 'jpeg')).toString('base64')
      const request = { prompt: 'Describe this image', image, temperature: 0 }
      const answers = new Set<string>()
      for (let count = 0; count < 5; count += 1)
        answers.add((await infer(service.url, request)).body.response_text)
      t.equal(answers.size, 1)
    })
  })
}

function never(): never {
  throw new Error('no question')
}
