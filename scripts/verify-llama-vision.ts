/**
 * For somebody who has the real weights of Llama 3.2 Vision: tells in which order the projections of the layers that
 * look at the picture are stored, which nothing in the file does. Asks with both orders how likely a caption is that
 * a person wrote; the right order finds it clearly likelier.
 * usage: node --import tsx scripts/verify-llama-vision.ts MODEL.gguf PICTURE "CAPTION" [QUESTION]
 */
import { readFileSync } from 'node:fs'
import sharp from 'sharp'
import { asked, LlamaServer } from '../test/support/llama-server.ts'

const [model, picture, caption, question = 'Describe this image in one sentence.'] = process.argv.slice(2)
if (!model || !picture || !caption) {
  console.error('usage: verify-llama-vision.ts MODEL.gguf PICTURE "CAPTION" [QUESTION]')
  process.exit(2)
}
const bytes = await sharp(readFileSync(picture)).png().toBuffer()

/** Mean negative log likelihood of the caption's tokens, in nats. */
async function surprise(permuted: boolean): Promise<number> {
  const stops: (() => unknown)[] = []
  const override = `mllama.attention.cross_qk_permuted=bool:${permuted}`
  const options = ['--model', model ?? '', '--override-kv', override, '--ctx-size', '1024', '--parallel', '1']
  const server = await LlamaServer.start({ teardown: (stop: () => unknown) => stops.push(stop) }, options)
  try {
    const tokens = await server.tokenize(caption ?? '')
    const prompt = asked(`<__media__>${question}`)
    let sum = 0
    for (const [index, token] of tokens.entries()) {
      const before = await server.detokenize(tokens.slice(0, index))
      sum -= await server.logProbability({ prompt: prompt + before, pictures: [bytes], reuse: true }, token)
    }
    return sum / tokens.length
  } finally {
    for (const stop of stops) await stop()
  }
}

const [permuted, plain] = [await surprise(true), await surprise(false)]
console.log(
  `permuted:     ${permuted.toPrecision(4)} nats a token (what files without the key are taken for)`,
)
console.log(`not permuted: ${plain.toPrecision(4)} nats a token`)
const apart = Math.abs(permuted - plain)
if (apart < 0.05) console.log('Too close to tell: try a longer caption, or another picture.')
else console.log(`The projections are ${permuted < plain ? 'permuted' : 'not permuted'}.`)
