/** What is looked at before anything is spent on a question, and what its caller hears of the line. */
import t from 'tap'
import { createAdmission } from '../../src/admission.ts'
import { failure } from '../../src/errors.ts'
import { createInference, type InferenceParts } from '../../src/inference/infer.ts'
import type { InferenceEvent, Part, Question } from '../../src/inference/question.ts'
import { ask, call, image, parts, question } from '../support/inference.ts'
import { until } from '../support/until.ts'

const picture: Part = { type: 'image', image: 'AAAA', field: 'image' }
const text = (words: string): Part => ({ type: 'text', text: words, field: 'prompt' })
const asking = (list: Part[], changes: Partial<Question> = {}) => ({
  ...call(),
  question: { ...question, messages: [{ role: 'user' as const, parts: list }], ...changes },
})

/** Counts the pictures that are looked at. */
function counting() {
  const seen = { pictures: 0 }
  const made: InferenceParts = {
    ...parts(),
    prepareImages: async () => {
      seen.pictures += 1
      return [image]
    },
  }
  return { seen, ...createInference(made) }
}

t.test(
  'a question that is too large, or cannot be held to, is refused before a picture is looked at',
  async (t) => {
    const { infer, plan, seen } = counting()
    for (const [given, code] of [
      [asking([picture, text('x'.repeat(101))]), 'prompt_too_long'],
      [asking([picture, picture, text('What?'), picture]), 'too_many_images'],
      [asking([picture], { json: { type: 'nothing' } }), 'invalid_json_schema'],
    ] as const) {
      await t.rejects(infer(given), { code })
      await t.rejects(plan(given), { code })
    }
    t.equal(seen.pictures, 0)
    await infer(asking([picture, text('What is'), text('x'.repeat(90)), picture]))
    t.equal(seen.pictures, 2, 'texts are no pictures')
  },
)

t.test('an answer is held to what was asked for', async (t) => {
  const faultOf = async (json: Question['json']) =>
    (await ask(parts(), asking([picture], { json }))).jsonFault
  t.equal(await faultOf(undefined), undefined)
  t.match(await faultOf(true), { reason: 'truncated' }, '"a red square" is no JSON')
})

t.test('who is still to be answered is inside, though the slot is free', async (t) => {
  const made = parts()
  const { admission, json } = made
  let checked: (() => void) | undefined
  const faultOf = () =>
    new Promise<null>((resolve) => {
      checked = () => resolve(null)
    })
  const { infer } = createInference({ ...made, json: { ...json, requireUsable: async () => {}, faultOf } })
  const answered = infer(asking([picture], { json: { type: 'string' } }))
  await until(() => checked !== undefined, 'the check of the answer')
  t.equal(admission.inside, 1)
  const next = admission.enter('b')
  await next.slot(call().signal)
  next.leave()
  checked?.()
  await answered
  t.equal(admission.inside, 0)
})

t.test('who waits hears each time that the place changes', async (t) => {
  const admission = createAdmission({ slots: 1, waiting: 2, waitSeconds: 60 })
  const [holder, waiter] = ['b', 'c'].map((caller) => admission.enter(caller))
  await holder?.slot(call().signal)
  const places: number[] = []
  const tell = (event: InferenceEvent) => event.type === 'queued' && places.push(event.position)
  const running = ask({ ...parts(), admission }, { ...call(), tell })
  await until(() => places.length === 2, 'the line')
  waiter?.leave()
  holder?.leave()
  await running
  t.same(places, [2, 2, 1], 'when it came, once it waits, and after one in front of it left')
})

t.test('a dry run that failed otherwise does not speak against its question', async (t) => {
  for (const fault of [failure('engine_error'), new Error('anything')]) {
    const { plan } = createInference(parts({ countTokens: () => Promise.reject(fault) }))
    for (let times = 1; times <= 3; times += 1) await t.rejects(plan(call()), fault, `time ${times}`)
  }
})
