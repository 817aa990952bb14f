import t from 'tap'
import { questionOf } from '../../src/doors/infer/question.ts'
import type { InferRequest } from '../../src/doors/infer/schema.ts'
import { defaults } from '../../src/inference/question.ts'

/** As it comes from the validator, which fills in the defaults. */
const asked = (changes: Partial<InferRequest> = {}): InferRequest => ({
  prompt: 'What?',
  ...defaults,
  image_detail: 'auto',
  pdf_pages: 1,
  stream: false,
  ...changes,
})

const image = (given: string | Buffer, field: string) => ({ type: 'image', image: given, field })
const prompt = { type: 'text', text: 'What?', field: 'prompt' }

t.test('pictures come before the words, and each says where it was', (t) => {
  const photo = Buffer.from('bytes of a photo')
  const parts = (changes: Partial<InferRequest>, uploads?: Buffer[]) =>
    questionOf(asked(changes), uploads).messages.map((message) => message.parts)
  t.strictSame(parts({ image: 'AAAA' }), [[image('AAAA', 'image'), prompt]])
  t.strictSame(parts({ images: ['AAAA'] }), [[image('AAAA', 'images/0'), prompt]])
  t.strictSame(parts({ images: ['AAAA', 'BBBB'] }), [
    [image('AAAA', 'images/0'), image('BBBB', 'images/1'), prompt],
  ])
  t.strictSame(parts({}, [photo, photo]), [[image(photo, 'image'), image(photo, 'image'), prompt]])
  t.strictSame(
    parts({ image: '' }),
    [[image('', 'image'), prompt]],
    'an empty text is looked at as a picture',
  )
  t.end()
})

t.test('one way to give pictures is needed, and one only', (t) => {
  const photo = Buffer.from('bytes of a photo')
  const refused = (changes: Partial<InferRequest>, uploads: Buffer[], code: string) =>
    t.throws(() => questionOf(asked(changes), uploads), { code, facts: { field: 'image' } })
  refused({}, [], 'missing_field')
  refused({ image: 'AAAA', images: ['AAAA'] }, [], 'two_choices')
  refused({ image: 'AAAA' }, [photo], 'two_choices')
  refused({ images: ['AAAA'] }, [photo], 'two_choices')
  t.throws(() => questionOf(asked({ prompt: ' ', image: 'AAAA' })), {
    code: 'empty_prompt',
    facts: { field: 'prompt' },
  })
  t.end()
})

t.test('what is asked for is taken over, and no more', (t) => {
  t.strictSame(questionOf(asked({ image: 'AAAA' })), {
    messages: [{ role: 'user', parts: [image('AAAA', 'image'), prompt] }],
    detail: 'auto',
    pages: 1,
    sampling: defaults,
    json: undefined,
  })
  const sampling = {
    ...{ max_tokens: 7, temperature: 0, top_p: 0.1, top_k: 0, min_p: 0, repeat_penalty: 1.5, seed: 0 },
    stop: ['END'],
  }
  const json_schema = { type: 'string' }
  const full = asked({
    ...{ image: 'AAAA', system: 'Be brief.', image_detail: 'high', pdf_pages: 3, json_schema },
    ...{ ...sampling, stop: 'END' },
  })
  t.strictSame(questionOf(full), {
    messages: [
      { role: 'system', parts: [{ type: 'text', text: 'Be brief.', field: 'system' }] },
      { role: 'user', parts: [image('AAAA', 'image'), prompt] },
    ],
    detail: 'high',
    pages: 3,
    sampling,
    json: json_schema,
  })
  t.equal(questionOf(asked({ image: 'AAAA', system: '' })).messages.length, 1, 'an empty one says nothing')
  t.end()
})

t.test('what was said before comes between the pictures and the question', (t) => {
  const history = [
    { prompt: 'What is it?', response_text: 'A llama.' },
    { prompt: 'Is it wet?', response_text: 'No.' },
  ]
  const turn = (role: string, text: string, field: string) => ({
    role,
    parts: [{ type: 'text', text, field }],
  })
  t.strictSame(questionOf(asked({ images: ['AAAA', 'BBBB'], system: 'Be brief.', history })).messages, [
    turn('system', 'Be brief.', 'system'),
    {
      role: 'user',
      parts: [
        image('AAAA', 'images/0'),
        image('BBBB', 'images/1'),
        { type: 'text', text: 'What is it?', field: 'history/0/prompt' },
      ],
    },
    turn('assistant', 'A llama.', 'history/0/response_text'),
    turn('user', 'Is it wet?', 'history/1/prompt'),
    turn('assistant', 'No.', 'history/1/response_text'),
    { role: 'user', parts: [prompt] },
  ])
  t.strictSame(
    questionOf(asked({ image: 'AAAA', history: [] })),
    questionOf(asked({ image: 'AAAA' })),
    'an empty one is none',
  )
  for (const [turn, field] of [
    [{ prompt: ' ', response_text: 'A llama.' }, 'history/1/prompt'],
    [{ prompt: 'What is it?', response_text: '' }, 'history/1/response_text'],
  ] as const) {
    t.throws(() => questionOf(asked({ image: 'AAAA', history: [...history.slice(0, 1), turn] })), {
      code: 'empty_prompt',
      facts: { field },
    })
  }
  t.end()
})
