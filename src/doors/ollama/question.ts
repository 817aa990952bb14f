/** Ollama's requests -> question. Pure. */
import { failure } from '../../errors.ts'
import { requireText } from '../../inference/prompt.ts'
import type { Message, Part, Question } from '../../inference/question.ts'
import { unserved } from '../unserved.ts'
import { samplingOf } from './options.ts'
import type { ChatRequest, GenerateRequest } from './schema.ts'

/** Stands in a text for the next picture. */
const mark = '[img]'

/** Text and pictures in the order that Ollama gives them: where the text has a mark, the others before it. */
function partsOf(text: string, pictures: Part[], field: string): Part[] {
  const marked: Part[] = []
  const others = [...pictures]
  let rest = text
  for (let at = rest.indexOf(mark); at >= 0 && others.length > 0; at = rest.indexOf(mark)) {
    marked.push({ type: 'text', text: rest.slice(0, at), field }, ...others.splice(0, 1))
    rest = rest.slice(at + mark.length)
  }
  const parts: Part[] = [...others, ...marked, { type: 'text', text: rest, field }]
  // What stands between two marks is a line break.
  return marked.length === 0
    ? parts
    : parts.filter((part) => part.type === 'image' || part.text.trim() !== '')
}

const picturesOf = (list: string[] | null | undefined, field: string): Part[] =>
  (list ?? []).map((image, index) => ({ type: 'image', image, field: `${field}/${index}` }))

/** Undefined for a request without a prompt, which asks for nothing but the model to be loaded. */
export function generateQuestion(request: GenerateRequest, contextSize: number): Question | undefined {
  const { system } = request
  const prompt = request.prompt ?? ''
  if (request.suffix) throw unserved('A suffix', 'the model answers; it does not fill gaps in text')
  if (request.raw) throw unserved('A raw prompt', 'prompts go through the chat template of the model')
  if (!prompt && !request.images?.length) return undefined
  requireText(prompt, 'prompt')
  const user: Message = {
    role: 'user',
    parts: partsOf(prompt, picturesOf(request.images, 'images'), 'prompt'),
  }
  const before: Message[] = system
    ? [{ role: 'system', parts: [{ type: 'text', text: system, field: 'system' }] }]
    : []
  return { messages: [...before, user], ...settingsOf(request, contextSize) }
}

export function chatQuestion(request: ChatRequest, contextSize: number): Question | undefined {
  if (request.tools?.length) {
    throw unserved(
      'Calling tools',
      'vision models of this size do not call them reliably; use format instead',
    )
  }
  if (!request.messages?.length) return undefined
  const messages = request.messages.map(({ role, content, images }, index): Message => {
    const field = `messages/${index}`
    return { role, parts: partsOf(content ?? '', picturesOf(images, `${field}/images`), `${field}/content`) }
  })
  return { messages, ...settingsOf(request, contextSize) }
}

function settingsOf(
  { format, options }: Pick<ChatRequest, 'format' | 'options'>,
  contextSize: number,
): Omit<Question, 'messages'> {
  if (typeof format === 'string' && format !== '' && format !== 'json') {
    throw failure('unknown_choice', {
      field: 'format',
      expected: 'json or a JSON Schema',
      actual: String(format).slice(0, 40),
    })
  }
  return {
    detail: 'auto',
    pages: 1,
    sampling: samplingOf(options, contextSize),
    json: format === 'json' ? true : format || undefined,
  }
}
