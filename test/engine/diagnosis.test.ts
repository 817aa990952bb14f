import t from 'tap'
import { diagnose, warningIn } from '../../src/engine/diagnosis.ts'

t.test('known ends of the engine are told in plain sentences', (t) => {
  const end = (line: string, exitCode = 1) =>
    diagnose({ exitCode, signal: undefined, lines: ['I fine', line, 'E exiting due to model loading error'] })
  const cases: [string, RegExp, boolean][] = [
    [
      "error loading model: unknown model architecture: 'mllama'",
      /does not know models of the architecture mllama/,
      false,
    ],
    [
      'tensor x data is not within the file bounds, model is corrupted or incomplete',
      /cut off or corrupt/,
      false,
    ],
    ["gguf_init_from_file: invalid magic characters: 'xxxx'", /not a GGUF file/, false],
    ["gguf_init: failed to open GGUF file '/m/a.gguf' (No such file)", /could not open \/m\/a\.gguf/, false],
    ['CLIP cannot be used as main model, use it with --mmproj instead', /names a vision projector/, false],
    [
      'mismatch between text model (n_embd = 2048) and mmproj (n_embd = 1536)',
      /belongs to another model: it writes 1536 .* reads 2048/,
      false,
    ],
    ['clip_init: unknown projector type: foo', /vision projectors of the type foo/, false],
    ["failed to open GGUF file ''", /could not open the model file;/, false],
    ['clip_init: unknown projector type:', /vision projectors of the type in this file/, false],
    [
      'E ggml_backend_cpu_buffer_type_alloc_buffer: failed to allocate buffer of size 99',
      /ran out of memory/,
      true,
    ],
    ['mmap failed: Cannot allocate memory', /ran out of memory/, true],
    ['unable to allocate CPU buffer', /ran out of memory/, true],
    ['terminate called after throwing std::bad_alloc', /ran out of memory/, true],
    ['Failed to load CLIP model from x', /projector \(mmproj\) could not be loaded/, false],
    ["couldn't bind HTTP server socket, hostname: x", /could not open its socket/, true],
    ['no CPU backend found', /no code for this CPU/, false],
    ['error: invalid argument: --frobnicate', /setting --frobnicate/, false],
    ['error while handling argument "--ctx"', /setting "--ctx"/, false],
    ['/src/ggml.c:12: GGML_ASSERT(n > 0) failed', /check of its own: GGML_ASSERT\(n > 0\)/, true],
  ]
  for (const [line, sentence, restartHelps] of cases) {
    t.match(end(line), { sentence, restartHelps }, line)
  }
  t.end()
})

t.test('signals tell their own story; the unknown is reported as it was', (t) => {
  const lines = ['a', '', 'b']
  t.match(diagnose({ exitCode: undefined, signal: 'SIGILL', lines }), {
    sentence: /another CPU/,
    restartHelps: false,
  })
  t.match(diagnose({ exitCode: undefined, signal: 'SIGKILL', lines }), {
    sentence: /want of memory/,
    restartHelps: true,
  })
  t.match(diagnose({ exitCode: undefined, signal: 'SIGBUS', lines }), {
    sentence: /shrank/,
    restartHelps: true,
  })
  t.match(diagnose({ exitCode: undefined, signal: 'SIGSEGV', lines }), {
    sentence: 'The engine ended with signal SIGSEGV; its last words: a | b',
    restartHelps: true,
  })
  t.match(diagnose({ exitCode: 9, signal: undefined, lines: [] }), {
    sentence: 'The engine ended with exit code 9',
  })
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
