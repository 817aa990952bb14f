/**
 * Writes held-out pictures as files with their questions, for parity.py and ../mllama-demo/evaluate.py:
 *   tsx held-out.ts OUT COUNT [FIRST_SEED] [any-shape]
 * Ordinary pictures become PNG files, those of any shape keep their own formats.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { encodeScene } from '../drawings/pictures.ts'
import { heldOutQuestions } from '../drawings/questions.ts'
import { FIRST_HELD_OUT_SEED } from '../drawings/scene.ts'

const [out = '', count = '100', firstSeed = String(FIRST_HELD_OUT_SEED), sizes] = process.argv.slice(2)
if (!out) throw new RangeError('usage: held-out.ts OUT COUNT [FIRST_SEED] [any-shape]')
const anyShape = sizes === 'any-shape'
mkdirSync(out, { recursive: true })
const lines: string[] = []
const questions = heldOutQuestions(Number(count), Number(firstSeed), anyShape ? 'any-shape' : 'ordinary')
for (const { seed, scene, kind, question, answer } of questions) {
  const format = anyShape ? scene.format : 'png'
  const file = `${seed}.${format}`
  writeFileSync(join(out, file), await encodeScene(scene, format))
  lines.push(`${JSON.stringify({ seed, file, kind, question, answer })}\n`)
}
writeFileSync(join(out, 'questions.jsonl'), lines.join(''))
