/**
 * Asks a running llama-server held-out questions and prints how many answers are exactly right:
 *   tsx evaluate.ts http://127.0.0.1:8080 [COUNT] [FIRST_SEED] [any-shape]
 */
import { tileCount } from '../../src/image/tiles.ts'
import { type HeldOutQuestion, heldOutQuestions } from '../drawings/questions.ts'
import { FIRST_HELD_OUT_SEED } from '../drawings/scene.ts'
import { UNSEEN_WORDINGS } from '../drawings/unseen-wordings.ts'
import { ask } from './ask-engine.ts'

/** Counts right answers under several headings. */
class Tally {
  readonly #rows = new Map<string, { right: number; all: number }>()

  add(heading: string, right: boolean): void {
    const row = this.#rows.get(heading) ?? { right: 0, all: 0 }
    this.#rows.set(heading, { right: row.right + Number(right), all: row.all + 1 })
  }

  print(): void {
    for (const [heading, { right, all }] of [...this.#rows].sort()) {
      console.log(`${heading.padEnd(22)} ${right}/${all} ${((100 * right) / all).toFixed(1)} %`)
    }
  }
}

/** The demo model's, of the architecture mllama. */
const tiling = { side: 56, most: 4 }

function sceneType({ scene }: HeldOutQuestion): string {
  const [first] = scene.objects
  return typeof first?.what === 'number' ? 'one digit' : `shapes: ${scene.objects.length}`
}

/** The same facts asked for in words that no training question used. */
function reword(question: HeldOutQuestion, index: number): HeldOutQuestion {
  const wordings = UNSEEN_WORDINGS[question.kind]
  return { ...question, question: wordings[index % wordings.length] ?? question.question }
}

async function evaluate(server: string, questions: HeldOutQuestion[], title: string): Promise<void> {
  const tally = new Tally()
  console.log(`\n${title}`)
  for (const question of questions) {
    const { text, finish } = await ask(server, question.scene, question.question)
    const right = text === question.answer && finish === 'stop'
    const headings = ['all', `kind ${question.kind}`, `format ${question.scene.format}`, sceneType(question)]
    if (sizes === 'any-shape') headings.push(`tiles ${tileCount(question.scene, tiling)}`)
    for (const heading of [...headings, `tone ${question.scene.background.tone}`]) tally.add(heading, right)
    if (!right) {
      console.log(
        `wrong: ${question.seed} ${question.kind} "${question.question}": "${text}", not "${question.answer}"`,
      )
    }
  }
  tally.print()
}

const [server = 'http://127.0.0.1:8080', count = '600', firstSeed, shape] = process.argv.slice(2)
const sizes = shape === 'any-shape' ? shape : 'ordinary'
const questions = heldOutQuestions(Number(count), firstSeed ? Number(firstSeed) : FIRST_HELD_OUT_SEED, sizes)
await evaluate(server, questions, 'Held-out pictures')
const alone = questions.filter(
  ({ scene, answer }) => scene.objects.length === 1 && !answer.startsWith('There is no'),
)
// The rewordings ask for shapes, and there is none beside a digit.
const general = alone.filter(
  ({ kind, answer, scene }) =>
    !['yes', 'no', '0'].includes(answer) && !(kind === 'count' && typeof scene.objects[0]?.what === 'number'),
)
await evaluate(server, general.slice(0, Math.ceil(Number(count) / 4)).map(reword), 'Wordings never trained')
