/** Calls at OpenAI's door, whole and in pieces, and several answers to one question. */
import t from 'tap'
import type { App } from '../../src/app.ts'
import { failure } from '../../src/errors.ts'
import { answerOf, listening } from '../support/app.ts'

const messages = [{ role: 'user', content: '{"colour": "red"}' }]
const parameters = { type: 'object', properties: { colour: { type: 'string' } }, required: ['colour'] }
const tools = [
  { type: 'function', function: { name: 'other' } },
  { type: 'function', function: { name: 'tell', description: 'Tells it', parameters } },
]
const byName = { tools, tool_choice: { type: 'function', function: { name: 'tell' } } }

const ask = (app: App, payload: object) =>
  app.inject({ method: 'POST', url: '/v1/chat/completions', payload: { messages, ...payload } })

/** The choices of each chunk of a stream. */
const chunksOf = (body: string): { choices: Record<string, unknown>[]; usage?: object }[] =>
  body
    .split('\n\n')
    .filter((event) => event.startsWith('data: {'))
    .map((event) => JSON.parse(event.slice('data: '.length)))

t.test('a tool that is called by its name comes back as a call', async (t) => {
  const { app, questions } = await listening(t)
  const { choices } = (await ask(app, byName)).json()
  const [{ id, ...call }] = choices[0].message.tool_calls
  t.match(id, /^call_[0-9a-f]{32}_0$/)
  t.same(call, { type: 'function', function: { name: 'tell', arguments: '{"colour": "red"}' } })
  t.match(choices, [{ finish_reason: 'stop', message: { role: 'assistant', content: null, refusal: null } }])
  t.same(questions[0]?.json, parameters)

  const chunks = chunksOf((await ask(app, { ...byName, stream: true })).body)
  const streamed = chunks[0]?.choices[0]?.delta as { tool_calls: { id: string }[] }
  t.match(streamed, {
    role: 'assistant',
    content: null,
    tool_calls: [{ index: 0, type: 'function', function: { name: 'tell', arguments: '' } }],
  })
  t.match(streamed.tool_calls[0]?.id, /^call_/)
  t.same(
    chunks.slice(1).map(({ choices: [choice] }) => [choice?.delta, choice?.finish_reason]),
    [
      [{ tool_calls: [{ index: 0, function: { arguments: '{"colour": ' } }] }, null],
      [{ tool_calls: [{ index: 0, function: { arguments: '"red"}' } }] }, null],
      [{}, 'stop'],
    ],
  )
})

t.test('the only tool is called where one has to be, and the answer says that it was', async (t) => {
  const { app, questions } = await listening(t)
  const only = { tools: tools.slice(1), tool_choice: 'required' }
  t.match((await ask(app, only)).json().choices, [
    { finish_reason: 'tool_calls', message: { tool_calls: [{ function: { name: 'tell' } }] } },
  ])
  const chunks = chunksOf((await ask(app, { ...only, stream: true })).body)
  t.equal(chunks.at(-1)?.choices[0]?.finish_reason, 'tool_calls')
  t.same(questions[1]?.json, parameters)
})

t.test('a function, as tools were called before, comes back as one', async (t) => {
  const { app, questions } = await listening(t)
  const asked = { functions: [{ name: 'tell', parameters }], function_call: { name: 'tell' } }
  const [choice] = (await ask(app, asked)).json().choices
  t.match(choice, { finish_reason: 'stop', message: { content: null } })
  t.same(choice.message.function_call, { name: 'tell', arguments: '{"colour": "red"}' })
  t.same(questions[0]?.json, parameters)
  const chunks = chunksOf((await ask(app, { ...asked, stream: true })).body)
  t.same(
    chunks.map(({ choices: [part] }) => part?.delta),
    [
      { role: 'assistant', content: null, function_call: { name: 'tell', arguments: '' } },
      { function_call: { arguments: '{"colour": ' } },
      { function_call: { arguments: '"red"}' } },
      {},
    ],
  )
})

t.test('a call that was cut off says so', async (t) => {
  const { app } = await listening(t, async () => ({ ...answerOf('{"col'), finishReason: 'length' }))
  for (const choice of [byName, { tools: tools.slice(1), tool_choice: 'required' }])
    t.match((await ask(app, choice)).json().choices, [
      { finish_reason: 'length', message: { tool_calls: [{ function: { arguments: '{"col' } }] } },
    ])
})

t.test('tools that are not to be called are none', async (t) => {
  const { app, questions } = await listening(t)
  for (const none of [
    { tools, tool_choice: 'none' },
    { tools: [] },
    { tools: [], tool_choice: 'auto' },
    { functions: [{ name: 'tell' }], function_call: 'none' },
    { functions: [], function_call: 'auto' },
    { tool_choice: null, function_call: null },
  ])
    t.match((await ask(app, none)).json().choices, [
      { finish_reason: 'stop', message: { content: '{"colour": "red"}' } },
    ])
  t.ok(questions.every(({ json }) => json === undefined))
})

t.test('what cannot be called is refused, with its place', async (t) => {
  const { app } = await listening(t)
  for (const [asked, code, param, sentence] of [
    [{ tools }, 'not_supported', null, /Calling tools freely is not offered: .*tool_choice/],
    [{ tools, tool_choice: 'auto' }, 'not_supported', null, /freely/],
    [{ tools, tool_choice: 'required' }, 'not_supported', null, /Choosing among several tools/],
    [{ tools, tool_choice: { type: 'allowed_tools' } }, 'not_supported', null, /This tool_choice/],
    [{ functions: [{ name: 'tell' }] }, 'not_supported', null, /freely/],
    [
      { tools: [{ type: 'custom', custom: { name: 'tell' } }], tool_choice: 'required' },
      'not_supported',
      null,
      /A tool that the service runs/,
    ],
    [
      { tools, tool_choice: { type: 'function', function: { name: 'b' } } },
      'unknown_choice',
      'tool_choice/function/name',
      /one of other, tell, got b/,
    ],
    [
      { functions: [{ name: 'a' }], function_call: { name: 'b' } },
      'unknown_choice',
      'function_call/name',
      /a/,
    ],
    [{ functions: [{ name: 'a' }], function_call: {} }, 'missing_field', 'function_call/name', /name/],
    [{ tools: [{ function: {} }] }, 'missing_field', 'tools/0/function/name', /name/],
  ] as const) {
    const response = await ask(app, asked)
    t.equal(response.statusCode, 400, JSON.stringify(asked))
    t.match(response.json(), { error: { code, param, message: sentence } })
  }
})

t.test('a schema that cannot be used is told of where it was', async (t) => {
  const { app } = await listening(t, async ({ tell = () => {} }) => {
    tell({ type: 'queued', position: 0, secondsLeft: 0 })
    throw failure('invalid_json_schema', { field: 'json_schema', reason: 'it is odd' })
  })
  const format = { type: 'json_schema', json_schema: { schema: {} } }
  for (const [asked, param] of [
    [byName, 'tools/1/function/parameters'],
    [{ functions: [{ name: 'a' }], function_call: { name: 'a' } }, 'functions/0/parameters'],
    [{ response_format: format }, 'response_format/json_schema/schema'],
    [{ response_format: { type: 'json_object', schema: {} } }, 'response_format/schema'],
  ] as const) {
    const error = { code: 'invalid_json_schema', param, message: `Field ${param} is no JSON Schema` }
    t.match((await ask(app, asked)).json(), { error })
    t.match(chunksOf((await ask(app, { ...asked, stream: true })).body), [{}, { error }], 'in a stream, too')
  }
  const ollama = {
    method: 'POST',
    url: '/api/chat',
    payload: { messages, format: {}, stream: false },
  } as const
  t.match((await app.inject(ollama)).json().error, /^Field format is no JSON Schema/)
})

t.test('a prompt that is too long is told of as the messages', async (t) => {
  const facts = { field: 'prompt', actual: 3, limit: 2 }
  const { app } = await listening(t, () => Promise.reject(failure('context_exceeded', facts)))
  t.match((await ask(app, {})).json(), { error: { code: 'context_exceeded', param: 'messages' } })
})

t.test('several answers are asked for one after the other, each with other random numbers', async (t) => {
  let asked = 0
  const { app, questions } = await listening(t, async ({ tell = () => {} }) => {
    asked += 1
    tell({ type: 'queued', position: 0, secondsLeft: 0 })
    tell({ type: 'token', text: `answer ${asked}` })
    return { ...answerOf(`answer ${asked}`), cachedTokens: asked }
  })
  const { choices, usage } = (await ask(app, { n: 3, seed: 2 ** 32 - 2 })).json()
  t.match(choices, [
    { index: 0, message: { content: 'answer 1' }, finish_reason: 'stop' },
    { index: 1, message: { content: 'answer 2' } },
    { index: 2, message: { content: 'answer 3' } },
  ])
  t.same(usage, {
    prompt_tokens: 3,
    completion_tokens: 6,
    total_tokens: 9,
    prompt_tokens_details: { cached_tokens: 1 },
  })
  t.same(
    questions.map(({ sampling }) => sampling.seed),
    [2 ** 32 - 2, 2 ** 32 - 1, 0],
  )
  asked = 0
  const { body } = await ask(app, { n: 2, stream: true, stream_options: { include_usage: true } })
  const chunks = chunksOf(body)
  t.same(
    chunks.map(({ choices: [choice] }) => choice && [choice.index, choice.delta, choice.finish_reason]),
    [
      [0, { role: 'assistant', content: '' }, null],
      [0, { content: 'answer 1' }, null],
      [0, {}, 'stop'],
      [1, { role: 'assistant', content: '' }, null],
      [1, { content: 'answer 2' }, null],
      [1, {}, 'stop'],
      undefined,
    ],
  )
  t.match(chunks.at(-1)?.usage, { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 })
  t.equal(body.split('[DONE]').length, 2, 'one end')
  t.ok(questions.slice(3).every(({ sampling }) => sampling.seed === undefined))
  const calls = (await ask(app, { ...byName, n: 2 })).json().choices
  t.not(calls[0].message.tool_calls[0].id, calls[1].message.tool_calls[0].id)
  for (const n of [0, 9])
    t.match((await ask(app, { n })).json(), { error: { param: 'n', code: 'out_of_range' } })
})
