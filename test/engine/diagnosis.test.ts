import t from 'tap'
import { type AttemptEnd, diagnose, warningIn } from '../../src/engine/diagnosis.ts'

t.test('known ends of the engine are told in plain sentences', (t) => {
  const end = (line: string, exitCode = 1) =>
    diagnose({ exitCode, signal: undefined, lines: ['I fine', line, 'E exiting due to model loading error'] })
  const cases: [string, RegExp, AttemptEnd['retry']][] = [
    [
      "error loading model: unknown model architecture: 'mllama'",
      /does not know models of the architecture mllama/,
      'when files change',
    ],
    [
      'tensor x data is not within the file bounds, model is corrupted or incomplete',
      /cut off or corrupt/,
      'when files change',
    ],
    ["gguf_init_from_file: invalid magic characters: 'xxxx'", /not a GGUF file/, 'when files change'],
    [
      "gguf_init: failed to open GGUF file '/m/a (2).gguf' (No such file)",
      /could not open \/m\/a \(2\)\.gguf;/,
      'when files change',
    ],
    [
      'CLIP cannot be used as main model, use it with --mmproj instead',
      /names a vision projector/,
      'when files change',
    ],
    [
      'mismatch between text model (n_embd = 2048) and mmproj (n_embd = 1536)',
      /belongs to another model: it writes 1536 .* reads 2048/,
      'when files change',
    ],
    ['clip_init: unknown projector type: foo', /vision projectors of the type foo/, 'when files change'],
    [
      'clip_init: unknown projector type: ',
      /vision projectors of the type in this file/,
      'when files change',
    ],
    ['clip_init: unknown projector type: \u001b[31mred', /of the type \ufffd\[31mred$/, 'when files change'],
    [
      'E ggml_backend_cpu_buffer_type_alloc_buffer: failed to allocate buffer of size 99',
      /ran out of memory/,
      'backoff',
    ],
    ['mmap failed: Cannot allocate memory', /ran out of memory/, 'backoff'],
    ['unable to allocate CPU buffer', /ran out of memory/, 'backoff'],
    ['terminate called after throwing std::bad_alloc', /ran out of memory/, 'backoff'],
    [
      "E clip_init: failed to load model '/m/it's.gguf': load_hparams: n_ff is 0",
      /projector \(mmproj\) could not be loaded: n_ff is 0\. Fetch it again/,
      'when files change',
    ],
    ['Failed to load CLIP model from x', /projector \(mmproj\) could not be loaded/, 'when files change'],
    ["couldn't bind HTTP server socket, hostname: x", /could not open its socket/, 'backoff'],
    ['no CPU backend found', /no code for this CPU/, 'when files change'],
    ['error: invalid argument: --frobnicate', /setting --frobnicate/, 'when files change'],
    ['error while handling argument "--ctx"', /setting "--ctx"/, 'when files change'],
    ['/src/ggml.c:12: GGML_ASSERT(n > 0) failed', /check of its own: GGML_ASSERT\(n > 0\)/, 'perhaps'],
  ]
  for (const [line, sentence, retry] of cases) {
    t.match(end(line), { sentence, retry }, line)
  }
  t.end()
})

t.test('signals tell their own story; the unknown is reported as it was', (t) => {
  const lines = ['a', '', 'b']
  t.match(diagnose({ exitCode: undefined, signal: 'SIGILL', lines }), {
    sentence: /another CPU/,
    retry: 'when files change',
  })
  t.match(diagnose({ exitCode: undefined, signal: 'SIGKILL', lines }), {
    sentence: /want of memory/,
    retry: 'backoff',
  })
  t.match(diagnose({ exitCode: undefined, signal: 'SIGBUS', lines }), {
    sentence: /shrank/,
    retry: 'perhaps',
  })
  t.match(diagnose({ exitCode: undefined, signal: 'SIGSEGV', lines }), {
    sentence: 'The engine ended with signal SIGSEGV; its last words: a | b',
    retry: 'perhaps',
  })
  t.strictSame(diagnose({ exitCode: 9, signal: undefined, lines: [] }), {
    sentence: 'The engine ended with exit code 9',
    retry: 'perhaps',
  })
  t.match(
    diagnose({ exitCode: undefined, signal: 'SIGTERM', lines }),
    { retry: 'backoff' },
    'somebody ended it',
  )
  t.match(diagnose({ exitCode: undefined, signal: undefined, lines }), { retry: 'backoff' }, 'it never began')
  t.end()
})

t.test('the first error is told, since what follows comes of it; and nothing that steers a terminal', (t) => {
  const lines = [
    'I loading',
    'E load: key \u001b[31mx\u0007 has an invalid type',
    'E failed to load the model',
    'bye',
  ]
  t.equal(
    diagnose({ exitCode: 1, signal: undefined, lines }).sentence,
    'The engine ended with exit code 1; it said: E load: key \ufffd[31mx\ufffd has an invalid type',
  )
  const long = `terminate called after ${'x'.repeat(1000)}`
  t.ok(diagnose({ exitCode: undefined, signal: 'SIGABRT', lines: [long] }).sentence.length < 500)
  t.end()
})

t.test('the particular failure is told, not the general one after it, nor what came after both', (t) => {
  const lines = [
    'unknown projector type: foo',
    'Failed to load CLIP model from x',
    'one',
    'two',
    ' ',
    'three',
    'four',
  ]
  t.match(diagnose({ exitCode: 1, signal: undefined, lines }), { sentence: /of the type foo/ })
  t.match(diagnose({ exitCode: undefined, signal: undefined, lines: lines.slice(2) }), {
    sentence: 'The engine ended with exit code unknown; its last words: two | three | four',
  })
  t.end()
})

t.test('few lines of an engine that runs are worth telling', (t) => {
  t.match(
    warningIn('W clip: embeddings of absent tiles are not zero'),
    /small pictures take up to 2\.6 times/,
  )
  t.equal(warningIn('I slot released'), undefined)
  t.end()
})
