/** Many clients at once, with two slots of the real engine: all are served, some leave, nothing is mixed up. */
import t from 'tap'
import { encodeScene } from '../../models/drawings/pictures.ts'
import { heldOutQuestions } from '../../models/drawings/questions.ts'
import { healthyService, infer, type RunningService } from '../support/service.ts'

let service: RunningService

t.before(async () => {
  service = await healthyService(t, { SLOTS: '2', QUEUE_SIZE: '20' })
})

t.test('each of twelve clients gets the answer to its own picture', async (t) => {
  const asked = heldOutQuestions(12)
  const answers = await Promise.all(
    asked.map(async ({ scene, question, answer }) => {
      const image = (await encodeScene(scene, 'png')).toString('base64')
      const { status, body } = await infer(service.url, { prompt: question, image, temperature: 0 })
      t.equal(status, 200)
      return body.response_text === answer
    }),
  )
  // The demo model errs now and then; a mix-up would make nearly all of them wrong.
  t.ok(answers.filter(Boolean).length >= 9, `${answers.filter(Boolean).length} of 12 right`)
})

t.test('clients that leave in the crowd take nothing from the others', async (t) => {
  const asked = heldOutQuestions(16)
  const outcomes = await Promise.all(
    asked.map(async ({ scene, question }, index) => {
      const image = (await encodeScene(scene, 'png')).toString('base64')
      const signal = index % 2 === 0 ? AbortSignal.timeout(1 + index * 5) : undefined
      const request = { prompt: question, image, temperature: 0 }
      return infer(service.url, request, signal).then(
        ({ status }) => status,
        () => 'left',
      )
    }),
  )
  t.ok(
    outcomes.filter((_, index) => index % 2 === 1).every((status) => status === 200),
    'those who stayed were served',
  )
  const image = (await encodeScene(asked[0]?.scene ?? never(), 'png')).toString('base64')
  t.equal((await infer(service.url, { prompt: 'colour?', image })).status, 200)
})

function never(): never {
  throw new Error('no question')
}
