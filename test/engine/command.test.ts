import t from 'tap'
import { loadConfig } from '../../src/config.ts'
import { batchSize, engineCommand, imageTokenCap } from '../../src/engine/command.ts'
import { diagnose } from '../../src/engine/diagnosis.ts'
import { modelSettings } from '../../src/model/settings.ts'
import { someModel } from '../support/model-facts.ts'

const surroundings = { threads: 3, socketPath: '/tmp/x/engine.sock', homePath: '/tmp/x' }
const withProjector = (type: string) => someModel({ projector: { ...someModel().projector, type } })
const argumentOf = (list: string[], name: string) => list[list.indexOf(name) + 1]

t.test('every setting is on the command line', (t) => {
  const config = loadConfig({
    MODEL_NAME: 'tiny.gguf',
    CONTEXT_SIZE: '4096',
    SLOTS: '2',
    PROMPT_CACHE_MIB: '100',
  })
  const { arguments: list, environment } = engineCommand(modelSettings(config), someModel(), surroundings)
  const expected = {
    '--model': '/models/tiny.gguf',
    '--mmproj': '/models/tiny-mmproj.gguf',
    '--alias': 'tiny.gguf',
    '--host': '/tmp/x/engine.sock',
    '--gpu-layers': '0',
    '--parallel': '2',
    '--ctx-size': '8192',
    '--threads': '3',
    '--threads-batch': '3',
    '--cache-ram': '100',
    '--batch-size': '512',
    '--ubatch-size': '512',
  }
  for (const [name, value] of Object.entries(expected)) t.equal(argumentOf(list, name), value, name)
  t.notOk(list.includes('--image-max-tokens'), 'pictures of one size have no cap')
  t.strictSame(Object.keys(environment).sort(), [
    'GGML_NO_BACKTRACE',
    'HOME',
    'LANG',
    'PATH',
    'XDG_CONFIG_HOME',
  ])
  t.end()
})

t.test('Llama 3.2 Vision gets the prompt layout it was trained with and room for its pictures', (t) => {
  const settings = modelSettings(loadConfig({ MAX_IMAGES: '6' }))
  const tiling = { side: 560, most: 4 }
  const model = someModel({
    projector: { ...someModel().projector, type: 'mllama', tiling, rowsPerTile: 1601 },
  })
  const { arguments: list } = engineCommand(settings, model, surroundings)
  t.match(argumentOf(list, '--chat-template'), /^\{\{ bos_token \}\}.*start_header_id/)
  t.equal(argumentOf(list, '--ctx-cross'), String(6 * 1601))
  const others = engineCommand(settings, someModel(), surroundings).arguments
  t.notOk(others.includes('--chat-template'))
  t.notOk(others.includes('--ctx-cross'))
  t.end()
})

t.test('models that look at a whole picture at once get a batch that holds it', (t) => {
  for (const type of ['gemma3', 'gemma3nv', 'gemma4v', 'gemma4uv', 'deepseek4v'])
    t.equal(batchSize(withProjector(type)), 2048, type)
  t.equal(batchSize(withProjector('qwen2vl_merger')), 512)
  t.end()
})

t.test('a picture of varying size takes half of the context at most, within what its model allows', (t) => {
  const cap = (type: string, env: Record<string, string> = {}) =>
    imageTokenCap(modelSettings(loadConfig(env)), withProjector(type))
  t.equal(cap('qwen2.5vl_merger'), 1024)
  t.equal(cap('qwen2.5vl_merger', { CONTEXT_SIZE: '16384' }), 4096)
  t.equal(cap('qwen2.5vl_merger', { IMAGE_MAX_TOKENS: '300' }), 300)
  t.equal(cap('lfm2'), 256)
  t.equal(cap('gemma4v', { IMAGE_MAX_TOKENS: '10' }), 70)
  t.equal(cap('gemma3'), undefined)
  const config = loadConfig({})
  t.equal(
    argumentOf(
      engineCommand(modelSettings(config), withProjector('pixtral'), surroundings).arguments,
      '--image-max-tokens',
    ),
    '1024',
  )
  t.end()
})

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
    [
      'E ggml_backend_cpu_buffer_type_alloc_buffer: failed to allocate buffer of size 99',
      /ran out of memory/,
      true,
    ],
    ['mmap failed: Cannot allocate memory', /ran out of memory/, true],
    ['Failed to load CLIP model from x', /projector \(mmproj\) could not be loaded/, false],
    ["couldn't bind HTTP server socket, hostname: x", /could not open its socket/, true],
    ['no CPU backend found', /no code for this CPU/, false],
    ['error: invalid argument: --frobnicate', /setting --frobnicate/, false],
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
