/**
 * Writes held-out pictures as PNG files with their questions, for parity.py:
 *   tsx held-out.ts OUT COUNT
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { encodeScene } from './pictures.ts'
import { heldOutQuestions } from './questions.ts'

const [out = '', count = '100'] = process.argv.slice(2)
if (!out) throw new RangeError('usage: held-out.ts OUT COUNT')
mkdirSync(out, { recursive: true })
const lines: string[] = []
for (const { seed, scene, kind, question, answer } of heldOutQuestions(Number(count))) {
  writeFileSync(join(out, `${seed}.png`), await encodeScene(scene, 'png'))
  lines.push(`${JSON.stringify({ seed, kind, question, answer })}\n`)
}
writeFileSync(join(out, 'questions.jsonl'), lines.join(''))
