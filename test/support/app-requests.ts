/** What tests of other people's programs share: a picture, how its answers are known, requests as bare JSON. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../src/config.ts'

const sample = (name: string): string =>
  readFileSync(join(packageRoot, 'models/demo/samples', name)).toString('base64')

export const star = sample('star.jpg')
export const digit = sample('digit.png')
export const starUrl = `data:image/jpeg;base64,${star}`

/** Whatever it is asked, the demo model names the shape or its colour. */
export const seen = /star|green/i

export type Answered = { status: number; text: string; headers: Headers }

export async function post(url: string, body: object): Promise<Answered> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return { status: response.status, text: await response.text(), headers: response.headers }
}

export async function get(url: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(url)
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

/** The words of an answer of Ollama's, whole or in lines. Throws for a refusal. */
export function words({ status, text }: Answered): string {
  if (status !== 200) throw new Error(text)
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { response?: string; message?: { content: string } })
    .map(({ response, message }) => response ?? message?.content ?? '')
    .join('')
}
