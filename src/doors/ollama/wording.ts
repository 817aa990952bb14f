/** Answer -> Ollama's lines of JSON, failure -> their error. Pure. */
import type { Failure } from '../../errors.ts'
import type { Answer } from '../../inference/question.ts'
import type { StreamWording, Wording } from '../answer.ts'

/** Where the two routes differ: the name and shape of the text. */
export type OllamaText = { model: string; text: (text: string) => object }

export const chatText = (model: string): OllamaText => ({
  model,
  text: (content) => ({ message: { role: 'assistant', content } }),
})

export const generateText = (model: string): OllamaText => ({ model, text: (response) => ({ response }) })

export const ollamaWording = (shape: OllamaText): Wording<object> => ({
  whole: (answer) => finalBody(shape, answer),
  stream: () => lines(shape),
})

const head = ({ model, text }: OllamaText, words: string) => ({
  model,
  created_at: new Date().toISOString(),
  ...text(words),
})

const nanoseconds = (milliseconds: number): number => Math.round(milliseconds * 1e6)

/** The whole answer, or with an empty text the last line of a stream. */
function finalBody(shape: OllamaText, answer: Answer, text = answer.text) {
  const { usage, timings, finishReason } = answer
  return {
    ...head(shape, text),
    done: true,
    done_reason: finishReason,
    total_duration: nanoseconds(timings.total),
    // The model is loaded before any request; what a request may wait for is its turn.
    load_duration: nanoseconds(timings.queue),
    prompt_eval_count: usage.prompt_tokens,
    prompt_eval_duration: nanoseconds(timings.prompt),
    eval_count: usage.completion_tokens,
    eval_duration: nanoseconds(timings.generation),
  }
}

/** The answer to a request that only wants the model loaded. */
export const loadedBody = (shape: OllamaText) => ({ ...head(shape, ''), done: true, done_reason: 'load' })

function lines(shape: OllamaText): StreamWording {
  const line = (body: object) => `${JSON.stringify(body)}\n`
  const words = (text: string) => line({ ...head(shape, text), done: false })
  return {
    mediaType: 'application/x-ndjson',
    event: (event) => {
      if (event.type === 'token') return words(event.text)
      if (event.type !== 'picture') return ''
      const { done, total, secondsLeft } = event
      // A word of no letters, with a field that their clients pass over.
      const progress = { stage: 'picture', done, total, seconds_left: secondsLeft }
      return line({ ...head(shape, ''), done: false, progress })
    },
    done: (answer) => line(finalBody(shape, answer, '')),
    failed: (error) => line(errorBody(error)),
    // Their clients parse every line, so a sign of life is a word of no letters.
    heartbeat: () => words(''),
  }
}

export const errorBody = (error: Failure) => ({ error: error.message })
