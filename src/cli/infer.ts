/** `llama-vision infer PICTURE PROMPT`: the answer is written to the terminal while it is made. */
import { readFile } from 'node:fs/promises'
import { ask, type Heard } from './ask.ts'
import { type ServiceChoice, withService } from './with-service.ts'

export type InferOptions = ServiceChoice & {
  picture: string
  prompt: string
  fields: Record<string, string>
  /** Print the whole answer as JSON instead. */
  json: boolean
  out: (text: string) => void
  /** For what is not the answer. */
  note: (sentence: string) => void
}

export async function infer(options: InferOptions): Promise<void> {
  const { picture, prompt, fields, json, signal, out, note } = options
  const blob = new Blob([await readFile(picture)])
  await withService(options, note, async ({ url, key }) => {
    let told = ''
    const answer = await ask(blob, prompt, { url, key, fields, signal }, (heard) => {
      if (heard.event === 'token') {
        if (!json) out(heard.data.text)
        return
      }
      const stage = sentence(heard)
      if (stage !== told) note(stage)
      told = stage
    })
    out(json ? `${JSON.stringify(answer, null, 2)}\n` : '\n')
    const { finish_reason, timings_ms } = answer.metadata
    const cut = finish_reason === 'length' ? ', cut off at max_tokens' : ''
    note(`${answer.token_usage.completion_tokens} tokens in ${(timings_ms.total / 1000).toFixed(1)} s${cut}`)
  })
}

function sentence(heard: Exclude<Heard, { event: 'token' }>): string {
  if (heard.event === 'queued') {
    return heard.data.position === 0
      ? 'the service takes it'
      : `waiting, ${heard.data.position} before this one`
  }
  const { stage, image } = heard.data
  if (stage === 'prompt') return 'reading the question'
  return `looking at ${image?.width}x${image?.height} pixels${image?.tiles ? ` in ${image.tiles} tiles` : ''}`
}
