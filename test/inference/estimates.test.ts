import t from 'tap'
import { createEstimates } from '../../src/inference/estimates.ts'
import { somePicture } from '../support/app.ts'

/** A picture of its own kind, cut into so many tiles. */
const picture = (name: string, tiles?: number) => ({ ...somePicture, bytes: Buffer.from(name), tiles })

/** What the engine says at the end of an answer of eleven tokens, ten of which came one by one. */
const took = (promptMs: number, predictedMs = 1000, completion_tokens = 11) => ({
  type: 'end' as const,
  finishReason: 'stop' as const,
  usage: { prompt_tokens: 70, completion_tokens, total_tokens: 70 + completion_tokens },
  timings: { cache_n: 0, prompt_ms: promptMs, predicted_ms: predictedMs, predicted_per_second: 10 },
})

t.test('nothing is expected before anything was learnt', (t) => {
  const estimates = createEstimates()
  t.equal(estimates.expect([picture('a')], 10), null)
  estimates.learn([picture('a')], took(2000, 0, 1))
  t.equal(estimates.expect([picture('a')], 10), null, 'an answer of one token tells nothing of a second')
  estimates.learn([], took(2000))
  t.same(estimates.expect([], 10), { prompt: 2, generation: 1 })
  t.end()
})

t.test('a prompt takes its time by the tiles of its pictures', (t) => {
  const estimates = createEstimates()
  estimates.learn([picture('a', 4)], took(8000))
  t.same(estimates.expect([picture('b', 4)], 1), { prompt: 8, generation: 0.1 })
  t.same(estimates.expect([picture('b', 1)], 1), { prompt: 2, generation: 0.1 })
  t.same(estimates.expect([picture('b', 2), picture('c', 3)], 20), { prompt: 10, generation: 2 })
  t.same(
    estimates.expect([picture('b'), picture('c')], 1),
    { prompt: 4, generation: 0.1 },
    'no tiles: one each',
  )
  t.same(estimates.expect([], 1), { prompt: 2, generation: 0.1 }, 'text alone counts as one')
  t.end()
})

t.test('a picture that was seen a short while ago says nothing of what a new one takes', (t) => {
  const estimates = createEstimates()
  estimates.learn([picture('a')], took(4000))
  estimates.learn([picture('a')], took(10))
  t.equal(estimates.expect([picture('b')], 1)?.prompt, 4)
  estimates.learn([picture('new'), picture('a')], took(10))
  t.equal(estimates.expect([picture('b')], 1)?.prompt, 4, 'one of two is enough')
  estimates.learn([picture('other')], took(8000))
  t.equal(estimates.expect([picture('b')], 1)?.prompt, 5.2, 'three tenths of the newest')
  t.end()
})

t.test('pictures of the same length or with the same end are told apart', (t) => {
  const estimates = createEstimates()
  const end = 'e'.repeat(64)
  estimates.learn([picture(`a${end}`)], took(1000))
  estimates.learn([picture(`ab${end}`)], took(2000))
  t.equal(estimates.expect([], 1)?.prompt, 1.3)
  estimates.learn([picture(`b${end}`)], took(9000))
  t.equal(estimates.expect([], 1)?.prompt, 1.3, 'the same length and end is taken for the same')
  t.end()
})

t.test('after 64 other pictures one is new again', (t) => {
  const estimates = createEstimates()
  estimates.learn([picture('first')], took(1000))
  for (let index = 1; index < 64; index += 1) estimates.learn([picture(`other ${index}`)], took(1000))
  estimates.learn([picture('first')], took(9000))
  t.equal(estimates.expect([], 1)?.prompt, 1, 'still known')
  estimates.learn([picture('one more')], took(1000))
  estimates.learn([picture('first')], took(11_000))
  t.equal(estimates.expect([], 1)?.prompt, 4, 'forgotten')
  t.end()
})
