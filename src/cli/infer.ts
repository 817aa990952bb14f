/** `llama-vision infer PICTURE QUESTION`: the answer is written to the terminal while it is made. */
import { existsSync } from 'node:fs'
import { messageOf } from '../errors.ts'
import { ask, type Heard } from './ask.ts'
import { readPicture } from './picture-file.ts'
import { duration } from './progress.ts'
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
  const blob = await readPicture(picture, signal).catch((error) => {
    if (existsSync(picture) || !existsSync(prompt)) throw error
    throw new Error(`${messageOf(error)}. The picture comes first, then the question`)
  })
  await withService(options, note, async ({ url, key }) => {
    let told = ''
    const answer = await ask(blob, prompt, { url, key, fields, signal }, (heard) => {
      if (heard.event === 'token') {
        if (!json) out(heard.data.text)
        return
      }
      const stage = sentence(heard)
      if (stage === undefined || stage.told === told) return
      told = stage.told
      note(stage.sentence)
    })
    out(json ? `${JSON.stringify(answer, null, 2)}\n` : '\n')
    const { finish_reason, timings_ms } = answer.metadata
    const cut = finish_reason === 'length' ? ', cut off at max_tokens' : ''
    note(`${answer.token_usage.completion_tokens} tokens in ${(timings_ms.total / 1000).toFixed(1)} s${cut}`)
  })
}

/** A picture's progress is told at its quarters. */
const steps = 4

/** What is to be said, and what it is about: the same is not said twice in a row. */
function sentence(heard: Exclude<Heard, { event: 'token' }>): { told: string; sentence: string } | undefined {
  const once = (sentence: string) => ({ told: sentence, sentence })
  if (heard.event === 'queued') {
    const { position, seconds_left: left } = heard.data
    if (position === 0) return once('the service takes it')
    return once(`waiting, ${position} before this one${left === null ? '' : `, about ${duration(left)}`}`)
  }
  const { data } = heard
  switch (data.stage) {
    case 'image': {
      const { width, height, tiles } = data.image
      return once(`looking at ${width}x${height} pixels${tiles ? ` in ${tiles} tiles` : ''}`)
    }
    case 'picture': {
      const step = Math.floor((steps * data.done) / data.total)
      if (step === 0 || step === steps) return undefined
      const percent = Math.round((100 * data.done) / data.total)
      return {
        told: `picture ${step}`,
        sentence: `${percent} % of the picture seen, ${duration(Math.ceil(data.seconds_left))} left`,
      }
    }
    case 'prompt': {
      const { seconds_left: left } = data
      const expected = left === null ? '' : `, about ${duration(left)} until it answers`
      return { told: 'prompt', sentence: `reading the question${expected}` }
    }
    default:
      return undefined
  }
}
