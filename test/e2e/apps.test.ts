/**
 * Programs that people have around their pictures, each with the requests that its own source builds: what it asks to
 * find the model, and what it asks the model. Where it uses a client that npm has, that client sends them.
 */
import { Ollama } from 'ollama'
import OpenAI from 'openai'
import { zodResponseFormat } from 'openai/helpers/zod'
import t from 'tap'
import { z } from 'zod'
import { digit, get, post, seen, star, starUrl, words } from '../support/app-requests.ts'
import { healthyService } from '../support/service.ts'

let at: string

t.before(async () => {
  const service = await healthyService(t, { CONTEXT_SIZE: '2048', MODEL_ALIASES: 'llama3.2-vision' })
  at = service.url
})

/** The demo model ends hardly any text of its own in JSON: then what there is has to be of the form that was asked for. */
function follows(t: { match(is: string, form: RegExp): void }, answer: string, form: RegExp): void {
  t.match(answer, form)
  if (answer.trimEnd().endsWith('}')) JSON.parse(answer)
}

t.test('Karakeep tags a picture', async (t) => {
  // karakeep-app/karakeep@7ca5ee23 packages/shared/inference.ts, apps/workers/workers/inference/tagging.ts
  const schema = z.object({ tags: z.array(z.string()) })
  const prompt =
    '\nYou are an expert whose responsibility is to help with automatic tagging for a read-it-later/bookmarking app.\n' +
    'Analyze the attached image and suggest relevant tags that describe its key themes, topics, and main ideas.\n' +
    'You must respond in valid JSON with the key "tags" and the value is list of tags. Don\'t wrap the response in a markdown code.'
  const tags = /^\{\s*"tags"\s*:\s*\[/
  const ollama = new Ollama({ host: at })
  const ask = async (format: object | string | undefined) => {
    let answer = ''
    const stream = await ollama.generate({
      model: 'llama3.2-vision',
      ...(format === undefined ? {} : { format }),
      stream: true,
      options: { num_ctx: 2048, num_predict: 64 },
      prompt,
      images: [star],
    })
    for await (const part of stream) answer += part.response
    return answer
  }
  follows(t, await ask(z.toJSONSchema(schema)), tags)
  follows(t, await ask('json'), /^\{/)
  t.match(await ask(undefined), seen)
  const openai = new OpenAI({ apiKey: 'none', baseURL: `${at}/v1`, maxRetries: 0 })
  const content: OpenAI.ChatCompletionContentPart[] = [
    { type: 'text', text: prompt },
    { type: 'image_url', image_url: { url: starUrl, detail: 'low' } },
  ]
  const { choices } = await openai.chat.completions.create({
    model: 'llama3.2-vision',
    max_tokens: 64,
    response_format: zodResponseFormat(schema, 'schema'),
    messages: [{ role: 'user', content }],
  })
  follows(t, choices[0]?.message.content ?? '', tags)
})

t.test('PhotoPrism writes captions and labels', async (t) => {
  // photoprism/photoprism@00a52fb internal/ai/vision/engine_ollama.go, api_request.go, ollama/defaults.go
  const common = {
    id: 'f0e1',
    model: 'llama3.2-vision:latest',
    suffix: '',
    stream: false,
    images: [star],
  }
  const caption =
    'Create a caption with exactly one sentence in the active voice that describes the main visual content.'
  t.match(
    words(await post(`${at}/api/generate`, { ...common, prompt: caption, options: { temperature: 0.1 } })),
    seen,
  )
  let blankLines = 0
  for (let seed = 1; seed <= 40; seed += 1) {
    const { text } = await post(`${at}/api/generate`, {
      ...common,
      system: 'You are a PhotoPrism vision model. Output concise JSON that matches the schema.',
      prompt: 'Analyze the image and return label objects with name, confidence (0-1), and topicality (0-1).',
      format: 'json',
      // Hot enough for blank lines between the parts, which is where their stop would cut the labels off.
      options: { temperature: 2, top_p: 0.9, stop: ['\n\n'], num_predict: 30, seed },
    })
    const { response, done_reason } = JSON.parse(text)
    if (response.includes('\n\n')) blankLines += 1
    if (done_reason === 'stop') JSON.parse(response)
  }
  t.ok(blankLines > 0)
})

t.test('paperless-gpt reads a page', async (t) => {
  // icereed/paperless-gpt@72ddde7 ocr/llm_provider.go, with tmc/langchaingo llms/ollama: it streams for want of `stream`
  // Its prompt is a template that people change.
  const prompt = 'Just transcribe the text in this image. Which number is shown?'
  const answer = await post(`${at}/api/chat`, {
    model: 'llama3.2-vision',
    messages: [{ role: 'user', content: prompt, images: [digit] }],
    format: '',
    options: { num_ctx: 4096, temperature: 0 },
  })
  t.match(words(answer), /7/)
  t.match(JSON.parse(answer.text.trim().split('\n').at(-1) ?? ''), { done: true, eval_count: Number })
})

t.test('paperless-ngx and Paperless-AI sort a document', async (t) => {
  // paperless-ngx/paperless-ngx@0460924 src/paperless_ai/client.py, by LlamaIndex's Ollama: schema of pydantic
  const lists = ['tags', 'correspondents', 'document_types', 'storage_paths', 'dates']
  const list = (name: string) => [name, { items: { type: 'string' }, title: name, type: 'array' }]
  const system = 'You are an AI assistant integrated into Paperless-ngx, a document management system.'
  const sorted = await post(`${at}/api/chat`, {
    model: 'llama3.2-vision',
    messages: [
      { role: 'system', content: system },
      { role: 'user', content: 'Invoice of 12 May' },
    ],
    stream: false,
    think: false,
    format: {
      properties: { title: { title: 'Title', type: 'string' }, ...Object.fromEntries(lists.map(list)) },
      required: ['title', ...lists],
      title: 'DocumentClassifierSchema',
      type: 'object',
    },
    options: { temperature: 0.75, num_ctx: 2048, num_predict: 40 },
  })
  follows(t, words(sorted), /^\{\s*"title"\s*:\s*"/)
  // clusterzx/paperless-ai@0eee0c6 services/ollamaService.js, services/setupService.js
  t.match(await get(`${at}/api/ps`), { status: 200, body: { models: [{ name: 'demo' }] } })
  const test = { model: 'llama3.2-vision', prompt: 'Test', stream: false }
  t.match(words(await post(`${at}/api/generate`, test)), /\S/)
  const analysed = await post(`${at}/api/generate`, {
    ...test,
    prompt: 'Invoice of 12 May',
    system: '\n            You are a document analyzer.',
    format: {
      type: 'object',
      properties: {
        title: { type: 'string' },
        custom_fields: { type: 'object', additionalProperties: true },
      },
      required: ['title'],
    },
    options: {
      ...{ temperature: 0.7, top_p: 0.9, repeat_penalty: 1.1, top_k: 7 },
      num_predict: 40,
      num_ctx: 1100,
    },
  })
  follows(t, words(analysed), /^\{\s*"title"\s*:\s*"/)
})

t.test('LLM Vision tells what a camera saw', async (t) => {
  // valentinfrlch/ha-llmvision@85fcb98 custom_components/llmvision/providers.py
  t.equal((await get(`${at}/api/tags`)).status, 200)
  const ollama = await post(`${at}/api/chat`, {
    model: 'llama3.2-vision',
    system: 'Analyze the images and give a concise, objective event summary (<255 chars).',
    messages: [{ role: 'user', content: 'Describe the image.', images: [star] }],
    prompt: [],
    images: [star],
    stream: false,
    keep_alive: 5,
    think: false,
    options: { num_predict: 3000, temperature: 0.2, top_p: 0.9, num_ctx: 2048 },
  })
  t.match(words(ollama), seen)
  const { text } = await post(`${at}/v1/chat/completions`, {
    model: 'llama3.2-vision',
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Image 1:' },
          { type: 'image_url', image_url: { url: starUrl } },
          { type: 'text', text: 'Describe the image.' },
        ],
      },
    ],
    max_completion_tokens: 3000,
    temperature: 0.2,
    top_p: 0.9,
  })
  t.match(JSON.parse(text).choices[0].message.content, seen)
})

t.test("Home Assistant's own integration finds the model and hands it a task", async (t) => {
  // home-assistant/core@0d0db90 homeassistant/components/ollama/entity.py, config_flow.py
  const client = new Ollama({ host: at })
  const names = (await client.list()).models.map(({ model }) => model)
  t.ok(names.includes('llama3.2-vision:latest'), 'as it is chosen from the list')
  t.match(await client.pull({ model: 'llama3.2-vision' }), { status: 'success' })
  const chat = async (format?: object) => {
    const stream = await client.chat({
      model: 'llama3.2-vision:latest',
      messages: [
        { role: 'system', content: 'You are a Home Assistant expert.' },
        { role: 'user', content: 'What is this?', images: [star] },
      ],
      stream: true,
      keep_alive: -1,
      options: { num_ctx: 8192, num_predict: 64 },
      ...(format && { format }),
    })
    let answer = ''
    for await (const { message } of stream) answer += message.content
    return answer
  }
  t.match(await chat(), seen)
  const colour = { type: 'string', enum: ['red', 'blue'], description: 'Its colour' }
  const task = JSON.parse(await chat({ type: 'object', properties: { colour }, required: ['colour'] }))
  t.ok(colour.enum.includes(task.colour))
})
