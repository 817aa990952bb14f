/**
 * Asks a running llama-server held-out questions and prints how many answers are exactly right:
 *   tsx evaluate.ts http://127.0.0.1:8080 [COUNT] [FIRST_SEED]
 */
import sharp from 'sharp'
import { encodeScene } from './pictures.ts'
import { type HeldOutQuestion, heldOutQuestions } from './questions.ts'
import { FIRST_HELD_OUT_SEED } from './scene.ts'
import { UNSEEN_WORDINGS } from './unseen-wordings.ts'

interface Answer {
  readonly text: string
  /** `stop` when the model ended the answer by itself. */
  readonly finish: string
}

/** The picture as the engine can read it: it knows PNG and JPEG, but no WebP. */
async function dataUrl({ scene }: HeldOutQuestion): Promise<string> {
  const file = await encodeScene(scene)
  const readable = scene.format === 'webp' ? await sharp(file).png().toBuffer() : file
  const type = scene.format === 'jpeg' ? 'jpeg' : 'png'
  return `data:image/${type};base64,${readable.toString('base64')}`
}

async function ask(server: string, question: HeldOutQuestion): Promise<Answer> {
  const content = [
    { type: 'image_url', image_url: { url: await dataUrl(question) } },
    { type: 'text', text: question.question },
  ]
  const body = { messages: [{ role: 'user', content }], temperature: 0, max_tokens: 64 }
  const response = await fetch(new URL('/v1/chat/completions', server), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new Error(`the server answered ${response.status}: ${await response.text()}`)
  const { choices } = (await response.json()) as {
    choices: [{ message: { content: string }; finish_reason: string }]
  }
  return { text: choices[0].message.content, finish: choices[0].finish_reason }
}

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
    const { text, finish } = await ask(server, question)
    const right = text === question.answer && finish === 'stop'
    const headings = ['all', `kind ${question.kind}`, `format ${question.scene.format}`, sceneType(question)]
    for (const heading of [...headings, `tone ${question.scene.background.tone}`]) tally.add(heading, right)
    if (!right) {
      console.log(
        `wrong: ${question.seed} ${question.kind} "${question.question}": "${text}", not "${question.answer}"`,
      )
    }
  }
  tally.print()
}

const [server = 'http://127.0.0.1:8080', count = '600', firstSeed] = process.argv.slice(2)
const questions = heldOutQuestions(Number(count), firstSeed ? Number(firstSeed) : FIRST_HELD_OUT_SEED)
await evaluate(server, questions, 'Held-out pictures')
const alone = questions.filter(
  ({ scene, answer }) => scene.objects.length === 1 && !answer.startsWith('There is no'),
)
const general = alone.filter(({ answer }) => !['yes', 'no', '0'].includes(answer))
await evaluate(server, general.slice(0, Math.ceil(Number(count) / 4)).map(reword), 'Wordings never trained')
