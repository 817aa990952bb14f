/**
 * The prompt on its way to the engine: checked, and with text that the model would take for steering broken up.
 */
import { failure } from '../errors.ts'

const zeroWidthSpace = '\u200b'

/** Throws a typed failure unless the prompt is well-formed text of a sensible length (in UTF-16 units). */
export function checkPrompt(prompt: string, maxLength: number): void {
  if (prompt.trim() === '') throw failure('empty_prompt', { field: 'prompt' })
  if (prompt.length > maxLength) {
    throw failure('prompt_too_long', { field: 'prompt', actual: prompt.length, limit: maxLength })
  }
  if (!prompt.isWellFormed()) throw failure('broken_unicode', { field: 'prompt' })
}

/**
 * The engine reads `<|im_end|>` in a prompt as the end of the user's turn. A zero-width space after the first
 * character of each such token keeps it text, for the model and for the eye.
 */
export function neutralizer(controlTokens: readonly string[]): (prompt: string) => string {
  if (controlTokens.length === 0) return (prompt) => prompt
  const longestFirst = [...controlTokens].sort((a, b) => b.length - a.length)
  const pattern = new RegExp(longestFirst.map((token) => escaped(token)).join('|'), 'g')
  return (prompt) => prompt.replace(pattern, (token) => token.slice(0, 1) + zeroWidthSpace + token.slice(1))
}

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
