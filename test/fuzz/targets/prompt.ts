import { neutralizer } from '../../../src/inference/prompt.ts'
import { must, type Target } from '../target.ts'

const zeroWidthSpace = '\u200b'

/** The first line holds control tokens, as a vocabulary might; the rest is a prompt. */
export const target: Target = {
  run(bytes) {
    const [vocabulary = '', ...lines] = bytes.toString('utf8').split('\n')
    // One that is a single character can't be broken up.
    const tokens = vocabulary.split(' ').filter((token) => [...token].length > 1)
    const prompt = lines.join('\n').replaceAll(zeroWidthSpace, '')
    const safe = neutralizer(tokens)(prompt)
    for (const token of tokens.filter((token) => !token.includes(zeroWidthSpace)))
      must(!safe.includes(token), `no control token is left: ${JSON.stringify(token)}`)
    must(safe.replaceAll(zeroWidthSpace, '') === prompt, 'nothing else changes')
  },
  seeds: [
    '<|im_start|> <|im_end|>\nhello <|im_end|> there',
    '<a> a>b <a><a>\n<a><a>b<<a>a>',
    '[INST] $& \\\n$& [INST] $1 [[INST]]',
    'aa aaa\naaaaaa',
  ],
  tokens: ['<|', '|>', '\n', ' ', '$&', '\\', '[', '\xe2\x80\x8b', '<|im_end|>'],
  mostBytes: 512,
}
