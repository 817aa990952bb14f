/**
 * How often a demo model is exactly right, by kind of question, picture format and tiles, through POST /infer at
 * temperature 0, on pictures whose seeds training never saw: for `demo` square, wide and tall ones of any size.
 * usage: node --import tsx bench/accuracy.ts [QUESTIONS] [demo|demo-mmproj] [auto|low|high]
 */
import { encodeScene } from '../models/drawings/pictures.ts'
import { heldOutQuestions, KINDS } from '../models/drawings/questions.ts'
import { FIRST_HELD_OUT_SEED } from '../models/drawings/scene.ts'
import { ask, withService } from './service.ts'

const formats = ['png', 'jpeg', 'webp'] as const
const [count = '600', model = 'demo', image_detail = 'auto'] = process.argv.slice(2)
const sizes = model === 'demo' ? 'any-shape' : 'ordinary'
const questions = heldOutQuestions(Number(count), FIRST_HELD_OUT_SEED, sizes)

type Score = { right: number; asked: number }
const scores = new Map<string, Score>()

function note(name: string, right: boolean): void {
  const score = scores.get(name) ?? { right: 0, asked: 0 }
  scores.set(name, { right: score.right + Number(right), asked: score.asked + 1 })
}

await withService({ MODEL_NAME: model }, async ({ url }) => {
  for (const [index, { scene, kind, question, answer, seed }] of questions.entries()) {
    const format = formats[index % formats.length] ?? 'png'
    const image = (await encodeScene(scene, format)).toString('base64')
    const request = { prompt: question, image, temperature: 0, image_detail }
    const { response_text: text, metadata } = await ask(url, request)
    const right = text === answer
    const { tiles } = metadata.image
    const headings = tiles === null ? [] : [`tiles: ${tiles}`]
    for (const name of [kind, format, ...headings, 'all']) note(name, right)
    if (!right) console.log(`wrong: seed ${seed}, ${format}, "${question}": "${text}" instead of "${answer}"`)
  }
})

console.log('\n| | right | asked | share |\n|---|---|---|---|')
const tiles = [...scores.keys()].filter((name) => name.startsWith('tiles')).sort()
for (const name of [...KINDS, ...formats, ...tiles, 'all']) {
  const { right, asked } = scores.get(name) ?? { right: 0, asked: 0 }
  console.log(`| ${name} | ${right} | ${asked} | ${((100 * right) / asked).toFixed(1)} % |`)
}
