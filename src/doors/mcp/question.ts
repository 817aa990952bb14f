/** Arguments of the tool `look` -> question. Pure. */
import { failure } from '../../errors.ts'
import { kindOf } from '../../http/failure.ts'
import { requireText } from '../../inference/prompt.ts'
import { defaults, type Part, type Question } from '../../inference/question.ts'

/** `pictures` are as the client named them, at least one. */
export type Asked = { pictures: string[]; question: string }

/** Most tokens of an answer, where the context holds them: a page of text that is read out. */
export const mostTokens = 1024

/** Throws a typed failure that the model behind the client can read, and mend. */
export function askedOf({ picture, question }: Record<string, unknown>): Asked {
  if (question == null) throw failure('missing_field', { field: 'question' })
  if (typeof question !== 'string') throw wrongType('question', 'a text', question)
  requireText(question, 'question')
  const pictures = [picture ?? []].flat()
  if (pictures.length === 0) throw failure('missing_field', { field: 'picture' })
  return {
    question,
    pictures: pictures.map((one, index) => {
      if (typeof one === 'string') return one
      throw Array.isArray(picture)
        ? wrongType(`picture/${index}`, 'a text', one)
        : wrongType('picture', 'a text or a list of texts', one)
    }),
  }
}

const wrongType = (field: string, expected: string, value: unknown) =>
  failure('wrong_type', { field, expected, actual: kindOf(value) })

/** Who asks takes the answer for a fact: the likeliest words, the same each time. */
export function questionOf({ pictures, question }: Asked, contextTokens: number): Question {
  const field = (index: number) => (pictures.length === 1 ? 'picture' : `picture/${index}`)
  const parts: Part[] = [
    ...pictures.map((image, index): Part => ({ type: 'image', image, field: field(index) })),
    { type: 'text', text: question, field: 'question' },
  ]
  return {
    messages: [{ role: 'user', parts }],
    detail: 'auto',
    pages: 1,
    sampling: { ...defaults, temperature: 0, max_tokens: Math.min(mostTokens, contextTokens) },
  }
}
