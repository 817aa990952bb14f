/** A vocabulary as Llama 3's is built: bytes, merges, special tokens, and the picture's, which is no output. */
import type { Value } from './gguf.ts'

const specials = [
  '<|begin_of_text|>',
  '<|end_of_text|>',
  '<|start_header_id|>',
  '<|end_header_id|>',
  '<|eot_id|>',
  '<|eom_id|>',
  '<|finetune_right_pad_id|>',
]
const imageToken = '<|image|>'

/** Bytes, two merges, filling, the special tokens last, and after them the picture's. */
function vocabularyTokens(size: number): string[] {
  const bytes = byteCharacters()
  const filling = Array.from(
    { length: size - bytes.length - 2 - specials.length },
    (_, index) => `<filling_${index}>`,
  )
  return [...bytes, 'th', 'the', ...filling, ...specials, imageToken]
}

/** The printable characters that byte-level BPE writes for the bytes 0 to 255 (as GPT-2 does). */
export function byteCharacters(): string[] {
  const printable = (byte: number) =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174
  let next = 256
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(printable(byte) ? byte : next++))
}

/** As our converter writes it, or as Ollama's does: without a template, with no word of the token that begins a text. */
export function tokenizerMetadata(vocabulary: number, by: 'ours' | 'ollama'): Record<string, Value> {
  const tokens = vocabularyTokens(vocabulary)
  const idOf = (token: string) => tokens.indexOf(token)
  const control = new Set([...specials, imageToken])
  return {
    'tokenizer.ggml.model': 'gpt2',
    'tokenizer.ggml.pre': 'llama-bpe',
    'tokenizer.ggml.tokens': tokens,
    'tokenizer.ggml.token_type': { int: tokens.map((token) => (control.has(token) ? 3 : 1)) },
    'tokenizer.ggml.merges': ['t h', 'th e'],
    'tokenizer.ggml.bos_token_id': idOf('<|begin_of_text|>'),
    'tokenizer.ggml.eos_token_id': idOf('<|eot_id|>'),
    'tokenizer.ggml.padding_token_id': idOf('<|finetune_right_pad_id|>'),
    ...(by === 'ours'
      ? { 'tokenizer.ggml.add_bos_token': true, 'tokenizer.chat_template': chatTemplate }
      : {
          'tokenizer.ggml.add_bos_token': false,
          'tokenizer.ggml.eos_token_ids': { int: ['<|end_of_text|>', '<|eom_id|>', '<|eot_id|>'].map(idOf) },
        }),
  }
}

/** Like that of the released files it begins with a system message, which no prompt with a picture was trained with. */
const chatTemplate =
  "{{ bos_token }}{{ '<|start_header_id|>system<|end_header_id|>\n\nToday Date: 26 Jul 2024\n\n<|eot_id|>' }}" +
  "{% for message in messages %}{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' + message['content'] + '<|eot_id|>' }}" +
  "{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
