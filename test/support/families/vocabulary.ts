/**
 * Vocabularies as small as they can be: every byte, and the tokens that steer the model. Byte-pair encoding as in
 * GPT-2 or Gemma 4, or SentencePiece as in Llama 2 and Gemma 3.
 */
import type { Value } from '../gguf.ts'
import { byteCharacters } from '../llama-vision-vocabulary.ts'

export type Vocabulary = {
  /** How text is cut before it is encoded (`tokenizer.ggml.pre`), or what has no such step. */
  kind: { pre: string } | 'sentencepiece' | 'gemma4'
  /** Every token of the family's that is no text, whatever it does. */
  controlTokens: string[]
  begin?: string
  /** Ends an answer. */
  end: string
  /** Left out by files that have none. */
  chatTemplate?: string
}

const types = { text: 1, unknown: 2, control: 3, byte: 6 }

type Token = [text: string, type: number]

export const tokensOf = ({ kind, controlTokens }: Vocabulary): Token[] => {
  const control = controlTokens.map((token): Token => [token, types.control])
  if (typeof kind === 'object') return [...pairTokens.map((token): Token => [token, types.text]), ...control]
  const bytes = Array.from({ length: 256 }, (_, byte): Token => {
    return [`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`, types.byte]
  })
  const letters = Array.from({ length: 0x7f - 0x21 }, (_, index): Token => {
    return [String.fromCodePoint(0x21 + index), types.text]
  })
  return [['<unk>', types.unknown], ...bytes, ['▁', types.text], ['\n', types.text], ...letters, ...control]
}

/** Text that is whole by itself, unlike a byte of a longer character. */
export const isPlain = ([text, type]: Token): boolean => type === types.text && /^[\x21-\x7e]+$/.test(text)

/** Line breaks in pairs are a token of their own, which Idefics 3 asks for. */
const pairTokens = [...byteCharacters(), 'th', 'the', 'ĊĊ']

export function vocabularyMetadata(vocabulary: Vocabulary): Record<string, Value> {
  const { kind, begin, end, chatTemplate } = vocabulary
  const tokens = tokensOf(vocabulary)
  const idOf = (wanted: string) => tokens.findIndex(([token]) => token === wanted)
  return {
    ...kindMetadata(kind, tokens.length),
    'tokenizer.ggml.tokens': tokens.map(([token]) => token),
    'tokenizer.ggml.token_type': { int: tokens.map(([, type]) => type) },
    ...(begin === undefined ? {} : { 'tokenizer.ggml.bos_token_id': idOf(begin) }),
    'tokenizer.ggml.eos_token_id': idOf(end),
    'tokenizer.ggml.add_bos_token': begin !== undefined,
    ...(chatTemplate === undefined ? {} : { 'tokenizer.chat_template': chatTemplate }),
  }
}

function kindMetadata(kind: Vocabulary['kind'], size: number): Record<string, Value> {
  const merges = { 'tokenizer.ggml.merges': ['t h', 'th e', 'Ċ Ċ'] }
  if (typeof kind === 'object')
    return { 'tokenizer.ggml.model': 'gpt2', 'tokenizer.ggml.pre': kind.pre, ...merges }
  const scores = { 'tokenizer.ggml.scores': { floats: Array.from({ length: size }, (_, index) => -index) } }
  return kind === 'sentencepiece'
    ? { 'tokenizer.ggml.model': 'llama', ...scores }
    : { 'tokenizer.ggml.model': 'gemma4', ...scores, ...merges }
}
