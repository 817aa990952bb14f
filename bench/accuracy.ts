/**
 * How often the demo model is exactly right, by kind of question and by picture format, through POST /infer at
 * temperature 0, on pictures whose seeds training never saw. usage: node --import tsx bench/accuracy.ts [QUESTIONS]
 */
import { encodeScene } from '../scripts/demo-model/pictures.ts'
import { heldOutQuestions, KINDS } from '../scripts/demo-model/questions.ts'
import { ask, withService } from './service.ts'

const formats = ['png', 'jpeg', 'webp'] as const
const count = Number(process.argv[2] ?? 600)

type Score = { right: number; asked: number }
const scores = new Map<string, Score>()

function note(name: string, right: boolean): void {
  const score = scores.get(name) ?? { right: 0, asked: 0 }
  scores.set(name, { right: score.right + Number(right), asked: score.asked + 1 })
}

await withService({}, async ({ url }) => {
  for (const [index, { scene, kind, question, answer, seed }] of heldOutQuestions(count).entries()) {
    const format = formats[index % formats.length] ?? 'png'
    const image = (await encodeScene(scene, format)).toString('base64')
    const { response_text: text } = await ask(url, { prompt: question, image, temperature: 0 })
    const right = text === answer
    for (const name of [kind, format, 'all']) note(name, right)
    if (!right) console.log(`wrong: seed ${seed}, ${format}, "${question}": "${text}" instead of "${answer}"`)
  }
})

console.log('\n| | right | asked | share |\n|---|---|---|---|')
for (const name of [...KINDS, ...formats, 'all']) {
  const { right, asked } = scores.get(name) ?? { right: 0, asked: 0 }
  console.log(`| ${name} | ${right} | ${asked} | ${((100 * right) / asked).toFixed(1)} % |`)
}
