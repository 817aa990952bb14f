/**
 * The prompt on its way to the engine: checked, and with text that the model would take for steering broken up.
 */
import { failure } from '../errors.ts'
import type { Part } from './question.ts'

const zeroWidthSpace = '\u200b'
const replacement = '\ufffd'

/** Throws `prompt_too_long` unless all texts together are of a sensible length (UTF-16 units). */
export function requireLength(parts: readonly Part[], maxLength: number): void {
  let length = 0
  for (const part of parts) {
    if (part.type !== 'text') continue
    const { text, field } = part
    length += text.length
    if (length > maxLength) throw failure('prompt_too_long', { field, actual: length, limit: maxLength })
  }
}

/** Throws `empty_prompt` for a text without anything to read. */
export function requireText(text: string, field: string): void {
  if (text.trim() === '') throw failure('empty_prompt', { field })
}

/**
 * The engine reads `<|im_end|>` in a prompt as the end of the user's turn. A zero-width space after the first
 * character of each such token keeps it text, for the model and for the eye. Tokens may overlap and hold each other, so
 * each place where one begins counts, whatever is found there. One of a single character has no inside, and is replaced.
 */
export function neutralizer(controlTokens: readonly string[]): (prompt: string) => string {
  if (controlTokens.length === 0) return (prompt) => prompt
  const tokens = new Set(controlTokens)
  const beginning = new RegExp(`(?=${controlTokens.map(escaped).join('|')}).`, 'gsu')
  return (prompt) =>
    prompt.replace(beginning, (first) => (tokens.has(first) ? replacement : first + zeroWidthSpace))
}

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
