/** Pictures of all shapes, asked about at a service that runs a family's model in miniature. */
import sharp from 'sharp'
import type { DryRunResponse } from '../../../src/doors/infer/schema.ts'
import { type Answered, infer } from '../service.ts'

/** From the smallest to larger than any tile, and a long strip. */
export const shapes = ['1x1', '64x64', '1024x768', '4000x300', '3000x3000'] as const
export type Shape = (typeof shapes)[number]

const drawn = new Map<string, Promise<string>>()

/** Each is drawn once, since the large ones take long. */
export function picture(shape: Shape, background = '#c02020'): Promise<string> {
  const name = `${shape} ${background}`
  const known = drawn.get(name) ?? draw(shape, background)
  drawn.set(name, known)
  return known
}

async function draw(shape: Shape, background: string): Promise<string> {
  const [width = 1, height = 1] = shape.split('x').map(Number)
  const create = { width, height, channels: 3 as const, background }
  const bytes = await sharp({ create }).png({ compressionLevel: 1 }).toBuffer()
  return `data:image/png;base64,${bytes.toString('base64')}`
}

export const ask = (url: string, prompt: string, images: string[]): Promise<Answered> =>
  infer(url, { prompt, images, max_tokens: 4 })

/** What the service says before the question is asked. */
export async function plan(
  url: string,
  prompt: string,
  images: string[],
): Promise<Partial<DryRunResponse> & { details?: { code?: string } }> {
  const response = await fetch(`${url}/infer?dry_run=1`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt, images, max_tokens: 4 }),
  })
  return (await response.json()) as Awaited<ReturnType<typeof plan>>
}

/** Tokens of a prompt without a picture. */
export async function textTokens(url: string, prompt: string): Promise<number> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ messages: [{ role: 'user', content: prompt }], max_tokens: 1 }),
  })
  const { usage } = (await response.json()) as { usage: { prompt_tokens: number } }
  return usage.prompt_tokens
}
