import sharp from 'sharp'
import { encodeScene, type Scene } from '../drawings/pictures.ts'

export interface Answer {
  readonly text: string
  /** `stop` when the model ended the answer by itself. */
  readonly finish: string
}

/** The picture as the engine can read it: it knows PNG and JPEG, but no WebP. */
async function dataUrl(scene: Scene): Promise<string> {
  const file = await encodeScene(scene)
  const readable = scene.format === 'webp' ? await sharp(file).png().toBuffer() : file
  const type = scene.format === 'jpeg' ? 'jpeg' : 'png'
  return `data:image/${type};base64,${readable.toString('base64')}`
}

/** Asks a running llama-server about a scene's picture, the picture before the question. */
export async function ask(server: string, scene: Scene, question: string): Promise<Answer> {
  const content = [
    { type: 'image_url', image_url: { url: await dataUrl(scene) } },
    { type: 'text', text: question },
  ]
  const body = { messages: [{ role: 'user', content }], temperature: 0, max_tokens: 64 }
  const response = await fetch(new URL('/v1/chat/completions', server), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new Error(`the server answered ${response.status}: ${await response.text()}`)
  const { choices } = (await response.json()) as {
    choices: [{ message: { content: string }; finish_reason: string }]
  }
  return { text: choices[0].message.content, finish: choices[0].finish_reason }
}
