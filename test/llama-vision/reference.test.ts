/**
 * The engine against the model's true arithmetic: what Hugging Face transformers computes from the same weights, with
 * its two known deviations mended. test/llama-vision/oracle/vectors.py wrote the numbers.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { tileCount } from '../../src/image/tiles.ts'
import { distance, LlamaServer, patternPicture } from '../support/llama-server.ts'
import { precise, writeTinyModel } from '../support/tiny-llama-vision.ts'

type Case = {
  name: string
  prompt: string
  pictures: [width: number, height: number][]
  tokens: number[]
  logProbabilities: number[]
  greedy: number[]
  /** The rows of the last picture that the text model sees. */
  projected?: { rows: number; rms: number; chosen: Record<string, number[]> }
}
type Canvas = { size: [width: number, height: number]; rows: number; columns: number }

const { cases, canvases } = JSON.parse(
  readFileSync(join(import.meta.dirname, 'oracle/vectors.json'), 'utf8'),
) as {
  cases: Case[]
  canvases: Canvas[]
}

const folder = mkdtempSync(join(tmpdir(), 'tiny-llama-vision-'))
t.teardown(() => rmSync(folder, { recursive: true }))
const model = writeTinyModel(folder, 'ours')
const width = 128

/** Flash attention keeps keys and values in 16 bits, and at this size accumulates in them too. */
const ways = [
  { name: 'in 32 bits', options: precise, logits: 1e-6, rows: 1e-5, greedy: true },
  { name: 'with flash attention', options: ['--flash-attn', 'on'], logits: 1e-3, rows: 4e-3, greedy: false },
]

for (const way of ways) {
  t.test(`what the reference answers, ${way.name}`, async (t) => {
    const dump = join(t.testdir(), 'rows')
    const options = [...model, ...way.options, '--ctx-size', '1024', '--parallel', '1']
    const server = await LlamaServer.start(t, options, { environment: { MTMD_DEBUG_EMBEDDINGS: dump } })
    for (const one of cases) {
      const pictures = await Promise.all(one.pictures.map((size) => patternPicture(...size)))
      const answer = await server.ask({ prompt: one.prompt, pictures, tokens: one.greedy.length })
      t.equal(answer.promptTokens, one.tokens.length, `${one.name}: prompt tokens`)
      const apart = distance(answer.logProbabilities[0] ?? [], one.logProbabilities)
      t.ok(apart < way.logits, `${one.name}: log probabilities ${apart.toExponential(1)}`)
      if (way.greedy) t.same(answer.tokens, one.greedy, `${one.name}: the answer`)
      if (one.projected) checkRows(t, one.name, readFileSync(dump), one.projected, way.rows)
    }
  })
}

/** The engine's dump: two 32-bit counts, then rows of 32-bit floats. */
function checkRows(
  t: Test,
  name: string,
  dump: Buffer,
  { rows, rms, chosen }: NonNullable<Case['projected']>,
  within: number,
): void {
  t.equal(dump.readInt32LE(0), rows, `${name}: rows`)
  t.equal(dump.readInt32LE(4), width)
  for (const [row, expected] of Object.entries(chosen)) {
    const squares = expected.map((value, column) => {
      const place = 8 + (Number(row) * width + column) * 4
      return (dump.readFloatLE(place) - value) ** 2
    })
    const apart = Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / width) / rms
    t.ok(apart < within, `${name}: row ${row} ${apart.toExponential(1)}`)
  }
}

t.test('canvases are chosen as the model was trained', (t) => {
  const wrong = canvases.filter(({ size: [width, height], rows, columns }) => {
    return tileCount({ width, height }, { side: 560, most: 4 }) !== rows * columns
  })
  t.same(wrong, [])
  t.end()
})
