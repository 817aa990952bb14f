import { Random } from './random.ts'
import {
  drawScene,
  FIRST_HELD_OUT_SEED,
  type Place,
  type Scene,
  type SceneObject,
  SHAPES,
  type Sizes,
} from './scene.ts'
import { WORDINGS } from './wordings.ts'

export const KINDS = ['shape', 'colour', 'count', 'where', 'digit', 'describe'] as const
export type Kind = (typeof KINDS)[number]

export interface Question {
  readonly kind: Kind
  readonly question: string
  readonly answer: string
}

export interface HeldOutQuestion extends Question {
  readonly seed: number
  readonly scene: Scene
}

/** Something that holds for a scene, with the ways to ask for it. */
interface Fact {
  readonly kind: Kind
  readonly wordings: readonly string[]
  readonly name?: string
  readonly answer: string
  /** How often it is asked beside the other facts of its kind. */
  readonly weight: number
}

const PLACES: Record<Place, string> = {
  left: 'on the left',
  right: 'on the right',
  top: 'at the top',
  bottom: 'at the bottom',
  centre: 'in the centre',
}
const NUMBERS = ['no', 'one', 'two', 'three', 'four']

const withArticle = (noun: string): string => `${/^[aeiou]/.test(noun) ? 'an' : 'a'} ${noun}`
const capitalise = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)
const isDigit = (object: SceneObject): boolean => typeof object.what === 'number'

/** The sentence for a whole picture; four shapes are only counted, so that it stays short. */
export function describe(scene: Scene): string {
  const { objects } = scene
  const nouns = objects.map(({ colour, what }) =>
    typeof what === 'number' ? `${colour} digit ${what}` : `${colour} ${what}`,
  )
  const [only] = objects
  if (only && objects.length === 1) {
    return `${capitalise(withArticle(nouns.join()))}${only.place ? ` ${PLACES[only.place]}` : ''}.`
  }
  const counted = `There are ${NUMBERS[objects.length]} shapes`
  if (objects.length > 3) return `${counted}.`
  const listed = nouns.map(withArticle)
  return `${counted}: ${listed.slice(0, -1).join(', ')} and ${listed.at(-1)}.`
}

function factsAboutOne(object: SceneObject): Fact[] {
  const facts: Fact[] = [
    { kind: 'colour', wordings: WORDINGS.colour, answer: object.colour, weight: 2 },
    { kind: 'count', wordings: WORDINGS.countObjects, answer: '1', weight: 0.4 },
  ]
  if (object.place) facts.push({ kind: 'where', wordings: WORDINGS.where, answer: object.place, weight: 2 })
  if (isDigit(object)) {
    facts.push({ kind: 'digit', wordings: WORDINGS.digit, answer: String(object.what), weight: 3 })
    facts.push({ kind: 'shape', wordings: WORDINGS.shape, answer: 'There is no shape.', weight: 0.3 })
    facts.push({ kind: 'count', wordings: WORDINGS.count, answer: '0', weight: 0.3 })
  } else {
    facts.push({ kind: 'shape', wordings: WORDINGS.shape, answer: String(object.what), weight: 3 })
  }
  return facts
}

/** Facts that name an object: only where no other object has the same name or colour. */
function factsAboutNamed(objects: readonly SceneObject[]): Fact[] {
  const facts: Fact[] = []
  for (const { what, colour, place } of objects) {
    const name = typeof what === 'number' ? 'digit' : what
    if (objects.filter((other) => other.what === what).length === 1) {
      facts.push({ kind: 'colour', wordings: WORDINGS.colourOf, name, answer: colour, weight: 1 })
      if (place) facts.push({ kind: 'where', wordings: WORDINGS.whereOf, name, answer: place, weight: 1 })
    }
    if (typeof what === 'string' && objects.filter((other) => other.colour === colour).length === 1) {
      facts.push({ kind: 'shape', wordings: WORDINGS.shapeOf, name: colour, answer: what, weight: 1 })
    }
  }
  return facts
}

function factsAboutAbsent(scene: Scene, random: Random): Fact[] {
  const { objects } = scene
  const asked = random.pick(SHAPES)
  const present = objects.some(({ what }) => what === asked)
  const facts: Fact[] = [
    { kind: 'shape', wordings: WORDINGS.isThere, name: asked, answer: present ? 'yes' : 'no', weight: 0.4 },
  ]
  if (!objects.some(isDigit)) {
    facts.push({ kind: 'digit', wordings: WORDINGS.digit, answer: 'There is no digit.', weight: 0.4 })
  }
  if (present) return facts
  const answer = `There is no ${asked}.`
  facts.push({ kind: 'where', wordings: WORDINGS.whereOf, name: asked, answer, weight: 0.15 })
  facts.push({ kind: 'colour', wordings: WORDINGS.colourOf, name: asked, answer, weight: 0.15 })
  return facts
}

function factsOf(scene: Scene, random: Random): Fact[] {
  const { objects } = scene
  const facts: Fact[] = [
    { kind: 'describe', wordings: WORDINGS.describe, answer: describe(scene), weight: 1 },
    ...factsAboutNamed(objects),
    ...factsAboutAbsent(scene, random),
  ]
  const [first, second] = objects
  if (first && !second) facts.push(...factsAboutOne(first))
  if (!objects.some(isDigit)) {
    const wordings = [...WORDINGS.count, ...WORDINGS.countObjects]
    facts.push({ kind: 'count', wordings, answer: String(objects.length), weight: 2 })
  }
  if (first && second && objects.length === 2) {
    if (first.what !== second.what) {
      const answer = `${first.what} and ${second.what}`
      facts.push({ kind: 'shape', wordings: WORDINGS.shape, answer, weight: 0.5 })
    }
    if (first.colour !== second.colour) {
      const answer = `${first.colour} and ${second.colour}`
      facts.push({ kind: 'colour', wordings: WORDINGS.colour, answer, weight: 0.5 })
    }
  }
  return facts
}

/** Changes capitals, punctuation and politeness, as people do. */
function vary(text: string, random: Random): string {
  let varied = text
  if (random.chance(0.06)) varied = `${random.pick(['Please ', 'please ', 'Hi, ', 'Hey, ', 'So, '])}${varied}`
  if (random.chance(0.25)) varied = varied.replace(/[?.!]+$/, random.pick(['', '', '!', '?', '.', ' ?']))
  const letters = random.next()
  if (letters < 0.22) return varied.toLowerCase()
  if (letters < 0.26) return varied.toUpperCase()
  return letters < 0.3 ? capitalise(varied) : varied
}

function ask(fact: Fact, random: Random): Question {
  const wording = random.pick(fact.wordings).replaceAll('{name}', fact.name ?? '')
  return { kind: fact.kind, question: vary(wording, random), answer: fact.answer }
}

/** Picks a fact, those with a greater weight more often. */
function pickFact(facts: readonly Fact[], random: Random): Fact | undefined {
  let rest = random.next() * facts.reduce((sum, { weight }) => sum + weight, 0)
  return facts.find(({ weight }) => {
    rest -= weight
    return rest < 0
  })
}

/** Every question a scene can answer, once, in a wording that depends on the seed and the round. */
export function questionsOf(scene: Scene, round = 0): Question[] {
  const random = new Random((scene.seed ^ Math.imul(round + 1, 0x9e3779b1)) >>> 0)
  return factsOf(scene, random).map((fact) => ask(fact, random))
}

/**
 * A number of questions for training, out of all kinds; some with slips of the keyboard and some senseless.
 * @param random goes on from one call to the next.
 */
export function trainingQuestions(scene: Scene, count: number, random: Random): Question[] {
  const questions: Question[] = []
  while (questions.length < count) {
    const facts = factsOf(scene, random)
    const kind = random.pick(KINDS)
    const fact = pickFact(
      facts.filter((candidate) => candidate.kind === kind),
      random,
    )
    if (!fact) continue
    const question = ask(fact, random)
    if (kind === 'describe' && random.chance(0.12)) {
      questions.push({ ...question, question: senselessText(random) })
    } else if (random.chance(0.06)) {
      questions.push({ ...question, question: misspell(question.question, random) })
    } else {
      questions.push(question)
    }
  }
  return questions
}

function misspell(text: string, random: Random): string {
  const at = random.below(text.length)
  const rest = text.slice(at + 1)
  return (
    text.slice(0, at) + (random.chance(0.5) ? rest : `${rest.charAt(0)}${text.charAt(at)}${rest.slice(1)}`) ||
    text
  )
}

function senselessText(random: Random): string {
  const drawWord = (): string =>
    Array.from({ length: 1 + random.below(9) }, () => random.pick([...'abcdefghijklmnopqrstuvwxyz'])).join('')
  return Array.from({ length: 1 + random.below(5) }, drawWord).join(' ')
}

/**
 * Questions about pictures that training never saw, the same number of each kind in turn.
 * @param count how many.
 * @param firstSeed where to start; at least FIRST_HELD_OUT_SEED, each picture is used once.
 */
export function heldOutQuestions(
  count: number,
  firstSeed = FIRST_HELD_OUT_SEED,
  sizes: Sizes = 'ordinary',
): HeldOutQuestion[] {
  if (firstSeed < FIRST_HELD_OUT_SEED) throw new RangeError('held-out seeds start at FIRST_HELD_OUT_SEED')
  const questions: HeldOutQuestion[] = []
  for (let seed = firstSeed; questions.length < count; seed++) {
    const scene = drawScene(seed, sizes)
    const kind = KINDS[questions.length % KINDS.length]
    // A picture without a digit has just one answer to the digit question: ask that rarely.
    if (kind === 'digit' && !scene.objects.some(isDigit) && seed % 8 !== 0) continue
    const random = new Random(seed)
    const facts = factsOf(scene, random).filter((fact) => fact.kind === kind)
    const fact = pickFact(facts, random)
    if (fact) questions.push({ seed, scene, ...ask(fact, random) })
  }
  return questions
}
