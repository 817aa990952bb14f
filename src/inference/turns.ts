/** A conversation in the order that models were trained to read, whatever order its client sent. Pure. */
import type { Message } from './question.ts'

/**
 * Messages of one role in a row become one, since templates take roles in turns, and some clients send text and picture
 * apart. Within a message pictures come first: the engine reuses its work up to the first difference, so another question
 * about a picture skips the picture.
 */
export function inTurns(messages: readonly Message[]): Message[] {
  const turns: Message[] = []
  for (const { role, parts } of messages) {
    const last = turns.at(-1)
    if (last?.role === role) last.parts.push(...parts)
    else turns.push({ role, parts: [...parts] })
  }
  return turns.map(({ role, parts }) => {
    const pictures = parts.filter(({ type }) => type === 'image')
    const texts = parts.filter((part) => part.type === 'text' && part.text !== '')
    const shown = [...pictures, ...texts]
    return { role, parts: shown.length > 0 ? shown : parts }
  })
}
