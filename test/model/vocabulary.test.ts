import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readHeader } from '../../src/model/gguf.ts'
import { controlTokens } from '../../src/model/vocabulary.ts'
import { type Value, writeGguf } from '../support/gguf.ts'

async function tokensOf(t: Test, tokens: Value, types?: Value): Promise<string[]> {
  const path = join(t.testdir(), 'model.gguf')
  writeGguf(path, {
    'general.architecture': 'llama',
    'tokenizer.ggml.tokens': tokens,
    ...(types === undefined ? {} : { 'tokenizer.ggml.token_type': types }),
  })
  return controlTokens(await readHeader(path))
}

t.test('control and unknown tokens steer; normal, user-defined and unused ones do not', async (t) => {
  const tokens = ['a', '<unk>', '<|x|>', '<own>', '<unused>', '<0x00>', '']
  t.strictSame(await tokensOf(t, tokens, { int: [1, 2, 3, 4, 5, 6, 3] }), ['<unk>', '<|x|>'])
})

t.test('what the engine takes for a control token by its name is one, whatever the file says', async (t) => {
  const tokens = ['<|im_end|>', 'end', '<｜end▁of▁sentence｜>', '[EOT]']
  const steering = ['<|im_end|>', '<｜end▁of▁sentence｜>', '[EOT]']
  t.strictSame(await tokensOf(t, tokens, { int: [1, 1, 4, 1] }), steering)
  t.strictSame(await tokensOf(t, tokens), steering)
})

t.test('a single character is a control token only where nobody writes it', async (t) => {
  t.strictSame(await tokensOf(t, ['¶', '😀'], { int: [3, 3] }), ['¶', '😀'])
  for (const letter of ['e', ' ', '\n', '7', 'ж', '.', '字']) {
    await t.rejects(tokensOf(t, ['<s>', letter], { int: [3, 3] }), {
      name: 'ModelProblem',
      message:
        /model\.gguf has a broken vocabulary: token 1, ".?", is a control token, and a plain character/u,
    })
  }
})

t.test('a vocabulary that every prompt would suffer from is refused', async (t) => {
  const many = Array.from({ length: 16_385 }, (_, index) => `<${index}>`)
  await t.rejects(tokensOf(t, many, { int: many.map(() => 3) }), {
    message: /more than 16384 control tokens/,
  })
  await t.rejects(tokensOf(t, ['x'.repeat(257)], { int: [3] }), {
    message: /control token 0 has 257 characters, expected 256 at most/,
  })
  await t.rejects(tokensOf(t, ['<s>', 'b'], { int: [3] }), { message: /1 types \(.*\) for 2 tokens/ })
  await t.rejects(tokensOf(t, [1, 2]), { message: /tokens holds numbers/ })
  t.strictSame(await tokensOf(t, 'none'), [])
})
