import t from 'tap'
import { createEstimates, type Load } from '../../src/inference/estimates.ts'
import { somePicture } from '../support/app.ts'

/** A picture of its own kind, cut into so many tiles. */
const picture = (name: string, tiles?: number) => ({ ...somePicture, bytes: Buffer.from(name), tiles })

const asked = (images: Load['images'], maxTokens = 10, characters = 0): Load => ({
  images,
  characters,
  maxTokens,
})

/** What the engine says at the end of an answer of eleven tokens, ten of which came one by one. */
const took = (promptMs: number, { predictedMs = 1000, answer = 11, prompt = 70, cached = 0 } = {}) => ({
  type: 'end' as const,
  finishReason: 'stop' as const,
  usage: { prompt_tokens: prompt, completion_tokens: answer, total_tokens: prompt + answer },
  timings: { cache_n: cached, prompt_ms: promptMs, predicted_ms: predictedMs, predicted_per_second: 10 },
})

/** Seconds to expect until the first word. */
const promptOf = (estimates: ReturnType<typeof createEstimates>, load: Load) => estimates.expect(load)?.prompt

t.test('nothing is expected before anything of the kind was learnt', (t) => {
  const estimates = createEstimates()
  const one = asked([picture('a')])
  t.equal(estimates.expect(one), null)
  estimates.learn(one, took(2000, { predictedMs: 0, answer: 1 }))
  t.equal(estimates.expect(one), null, 'an answer of one token tells nothing of a second')
  estimates.learn(asked([picture('b')]), took(2000))
  t.same(estimates.expect(one), { prompt: 2, generation: 1, answer: 0.4 })
  t.equal(estimates.expect(asked([])), null, 'a picture tells nothing of a text')
  const texts = createEstimates()
  texts.learn(asked([]), took(2000))
  t.equal(texts.expect(one), null, 'nor a text of a picture')
  t.end()
})

t.test('a picture takes its time by its tiles', (t) => {
  const estimates = createEstimates()
  estimates.learn(asked([picture('a', 4)]), took(8000))
  const prompt = (...images: Load['images']) => promptOf(estimates, asked(images))
  t.equal(prompt(picture('b', 4)), 8)
  t.equal(prompt(picture('b', 1)), 2)
  t.equal(prompt(picture('b', 2), picture('c', 3)), 10)
  t.equal(prompt(picture('b'), picture('c')), 4, 'no tiles: one each')
  t.end()
})

t.test('questions without a picture say nothing of those with one', (t) => {
  const estimates = createEstimates()
  estimates.learn(asked([picture('a')]), took(30_000))
  for (let times = 0; times < 10; times += 1) estimates.learn(asked([], 10, 400), took(700))
  t.equal(promptOf(estimates, asked([picture('b')])), 30)
  t.equal(promptOf(estimates, asked([], 10, 400)), 1, '100 tokens of 10 ms')
  t.equal(promptOf(estimates, asked([picture('b')], 10, 4000)), 40, 'both together')
  estimates.learn(asked([picture('c')], 10, 4000), took(40_000))
  t.equal(promptOf(estimates, asked([picture('d')])), 30, 'and the text counts apart where it is learnt')
  t.end()
})

t.test('a text that the engine had read before says little of a new one', (t) => {
  const estimates = createEstimates()
  estimates.learn(asked([], 10, 400), took(1000, { prompt: 100 }))
  estimates.learn(asked([], 10, 400), took(900, { prompt: 100, cached: 90 }))
  t.equal(promptOf(estimates, asked([], 10, 400)), 1, 'ten tokens are too few')
  estimates.learn(asked([], 10, 400), took(1000, { prompt: 100, cached: 50 }))
  t.equal(promptOf(estimates, asked([], 10, 400)), 1.3, 'by those that were new')
  t.end()
})

t.test('a picture that was seen a short while ago says nothing of what a new one takes', (t) => {
  const estimates = createEstimates()
  const prompt = () => promptOf(estimates, asked([picture('b')]))
  estimates.learn(asked([picture('a')]), took(4000))
  estimates.learn(asked([picture('a')]), took(10))
  t.equal(prompt(), 4)
  estimates.learn(asked([picture('new'), picture('a')]), took(10))
  t.equal(prompt(), 4, 'one of two is enough')
  estimates.learn(asked([picture('other')]), took(8000))
  t.equal(prompt(), 5.2, 'three tenths of the newest')
  t.end()
})

t.test('pictures of the same length or with the same end are told apart', (t) => {
  const estimates = createEstimates()
  const prompt = () => promptOf(estimates, asked([picture('another')]))
  const end = 'e'.repeat(64)
  estimates.learn(asked([picture(`a${end}`)]), took(1000))
  estimates.learn(asked([picture(`ab${end}`)]), took(2000))
  t.equal(prompt(), 1.3)
  estimates.learn(asked([picture(`b${end}`)]), took(9000))
  t.equal(prompt(), 1.3, 'the same length and end is taken for the same')
  t.end()
})

t.test('after 64 other pictures one is new again', (t) => {
  const estimates = createEstimates()
  const learn = (name: string, promptMs: number) => estimates.learn(asked([picture(name)]), took(promptMs))
  const prompt = () => promptOf(estimates, asked([picture('another')]))
  learn('first', 1000)
  for (let index = 1; index < 64; index += 1) learn(`other ${index}`, 1000)
  learn('first', 9000)
  t.equal(prompt(), 1, 'still known')
  learn('one more', 1000)
  learn('first', 11_000)
  t.equal(prompt(), 4, 'forgotten')
  t.end()
})

t.test('an answer is expected to be as long as those before it, and never longer than it may', (t) => {
  const estimates = createEstimates()
  estimates.learn(asked([picture('a')]), took(1000))
  const expected = (maxTokens: number) => estimates.expect(asked([picture('b')], maxTokens))
  t.match(expected(200), { generation: 20, answer: 1.1 })
  t.match(expected(5), { generation: 0.5, answer: 0.5 })
  t.end()
})
