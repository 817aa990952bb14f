/**
 * Looks for the sample pictures among the held-out ones: the first of each sort about which a running
 * llama-server answers every question right, in three wordings each:
 *   tsx samples.ts OUT [http://127.0.0.1:8080]
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { drawScene, encodeScene, FIRST_HELD_OUT_SEED, type Scene } from '../drawings/pictures.ts'
import { questionsOf } from '../drawings/questions.ts'
import { ask } from './ask-engine.ts'

/** Far from the pictures that evaluation and tests begin with. */
const FIRST_SEED = FIRST_HELD_OUT_SEED + 500_000
const ROUNDS = [0, 1, 2]
const SMALLEST_SIDE = 200
const MOST_BYTES = 60_000

const SORTS: Record<string, (scene: Scene) => boolean> = {
  'shapes.png': ({ objects, format }) => objects.length === 3 && format === 'png',
  'star.jpg': ({ objects, format, background }) =>
    objects.length === 1 && objects[0]?.what === 'star' && format === 'jpeg' && background.tone === 'light',
  'digit.png': ({ objects, format }) => objects[0]?.what === 7 && format === 'png',
}

async function answersAllRight(server: string, scene: Scene): Promise<boolean> {
  for (const { question, answer } of ROUNDS.flatMap((round) => questionsOf(scene, round))) {
    const { text, finish } = await ask(server, scene, question)
    if (text !== answer || finish !== 'stop') return false
  }
  return true
}

const [out = '', server = 'http://127.0.0.1:8080'] = process.argv.slice(2)
if (!out) throw new RangeError('usage: samples.ts OUT [SERVER]')
mkdirSync(out, { recursive: true })
for (const [name, fits] of Object.entries(SORTS)) {
  for (let seed = FIRST_SEED; ; seed++) {
    const scene = drawScene(seed)
    const { width, height, background } = scene
    if (!fits(scene) || Math.min(width, height) < SMALLEST_SIDE || background.noise > 10) continue
    const file = await encodeScene(scene)
    if (file.length > MOST_BYTES) continue
    if (!(await answersAllRight(server, scene))) continue
    writeFileSync(join(out, name), file)
    console.log(`${name}: seed ${seed}, ${width} x ${height} pixels`)
    for (const { question, answer } of questionsOf(scene)) console.log(`  ${question} ${answer}`)
    break
  }
}
