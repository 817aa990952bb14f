import t from 'tap'
import { createPoisonMemory } from '../../src/inference/poison.ts'
import type { PreparedQuestion } from '../../src/inference/prepared.ts'
import { defaults } from '../../src/inference/question.ts'
import { somePicture } from '../support/app.ts'

const dayMs = 86_400_000

const about = (text: string, changes: Partial<PreparedQuestion> = {}): PreparedQuestion => ({
  messages: [
    {
      role: 'user',
      parts: [
        { type: 'image', images: [somePicture] },
        { type: 'text', text, field: 'prompt' },
      ],
    },
  ],
  detail: 'auto',
  pages: 1,
  sampling: defaults,
  ...changes,
})

function memory() {
  const clock = { now: 1_000_000 }
  const made = createPoisonMemory(() => clock.now)
  return {
    clock,
    ...made,
    /** The engine ends while it works on these, which settle one after the other. */
    end: (...questions: PreparedQuestion[]) => {
      for (const settle of questions.map(made.handOver)) settle('engine ended')
    },
    refuses: (question: PreparedQuestion) => {
      try {
        made.requireHarmless(question)
        return false
      } catch (error) {
        t.match(error, { code: 'poison_request', status: 422, facts: { ends: 2, until: /^1970-/ } })
        return true
      }
    },
  }
}

t.test('a question on which the engine ended twice is refused, whatever its sampling', async (t) => {
  const { end, refuses } = memory()
  end(about('kill'))
  t.notOk(refuses(about('kill')), 'once may be chance')
  end(about('kill', { sampling: { ...defaults, temperature: 1.5 } }))
  t.ok(refuses(about('kill')))
  t.ok(refuses(about('kill', { sampling: { ...defaults, seed: 7 } })))
})

t.test('another word, role, picture or schema makes another question', async (t) => {
  const { end, refuses } = memory()
  end(about('kill'))
  end(about('kill'))
  const [message] = about('kill').messages
  const [, text] = message?.parts ?? []
  if (!message || !text) throw new Error('no message')
  const other = { ...somePicture, bytes: Buffer.from('another picture') }
  const image = { type: 'image' as const, images: [other] }
  t.notOk(refuses(about('kil')))
  t.notOk(refuses(about('kill', { json: true })))
  t.notOk(refuses(about('kill', { messages: [{ role: 'assistant', parts: message.parts }] })))
  t.notOk(refuses(about('kill', { messages: [{ role: 'user', parts: [image, text] }] })))
})

t.test('an answer clears a question; that its caller left does not', async (t) => {
  const { end, handOver, refuses } = memory()
  end(about('kill'))
  handOver(about('kill'))('given up')
  end(about('kill'))
  t.ok(refuses(about('kill')))
  end(about('honest'))
  handOver(about('honest'))('answered')
  end(about('honest'))
  t.notOk(refuses(about('honest')))
})

t.test('one that was answered all the same is cleared of the end that it saw', async (t) => {
  const { handOver, refuses } = memory()
  for (let ends = 1; ends <= 4; ends += 1) {
    const [kill, honest] = [handOver(about('kill')), handOver(about('honest'))]
    kill('engine ended')
    honest('answered')
  }
  t.ok(refuses(about('kill')))
  t.notOk(refuses(about('honest')))
})

t.test('what settles late says nothing against what came after the end', async (t) => {
  const { handOver, refuses } = memory()
  for (let ends = 1; ends <= 2; ends += 1) {
    const [first, late] = [handOver(about('first')), handOver(about('late'))]
    first('engine ended')
    const next = handOver(about('next'))
    late('engine ended')
    next('given up')
  }
  t.notOk(refuses(about('next')))
})

t.test('as long as the engine has not ended, no question costs anything', async (t) => {
  const { end, handOver, requireHarmless } = memory()
  const costly = (): PreparedQuestion => ({
    ...about('a'),
    get messages(): never {
      throw new Error('It was looked at')
    },
  })
  requireHarmless(costly())
  handOver(costly())('answered')
  end(about('kill'))
  t.throws(() => requireHarmless(costly()), /looked at/)
  t.throws(() => handOver(costly())('answered'), /looked at/)
})

t.test('an end is shared by all that were under way', async (t) => {
  const { end, refuses } = memory()
  const sharers = ['one', 'two', 'three'].map((text) => about(text))
  for (let ends = 1; ends <= 5; ends += 1) end(...sharers)
  t.notOk(sharers.some(refuses), 'five ends among three')
  end(...sharers)
  t.ok(sharers.every(refuses), 'two each')
})

t.test('the same asked twice at once is to blame for its share only', async (t) => {
  const { end, refuses } = memory()
  end(about('kill'), about('kill'))
  t.notOk(refuses(about('kill')), 'it was one end')
  end(about('kill'), about('kill'))
  t.ok(refuses(about('kill')))
})

t.test('a day after its last end a question may be asked again', async (t) => {
  const { clock, end, refuses } = memory()
  end(about('kill'))
  end(about('kill'))
  clock.now += dayMs - 1
  t.ok(refuses(about('kill')))
  clock.now += 1
  t.notOk(refuses(about('kill')))
  end(about('kill'))
  t.notOk(refuses(about('kill')), 'and counts anew')
})

t.test('a thousand are remembered, the latest of all that come', async (t) => {
  const { end, refuses } = memory()
  const questions = Array.from({ length: 1001 }, (_, index) => about(`kill ${index}`))
  for (const question of questions) {
    end(question)
    end(question)
  }
  t.notOk(refuses(about('kill 0')))
  t.ok(refuses(about('kill 1')))
  t.ok(refuses(about('kill 1000')))
})
