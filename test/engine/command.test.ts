import t from 'tap'
import { loadConfig } from '../../src/config.ts'
import { batchSize, engineCommand } from '../../src/engine/command.ts'
import { toldSettings } from '../../src/engine/context.ts'
import { imageTokenCap } from '../../src/model/picture-share.ts'
import { modelSettings } from '../../src/model/settings.ts'
import { someModel } from '../support/model-facts.ts'

const surroundings = { threads: 3, socketPath: '/tmp/x/engine.sock', homePath: '/tmp/x' }
const withProjector = (type: string) => someModel({ projector: { ...someModel().projector, type } })
const argumentOf = (list: string[], name: string) => list[list.indexOf(name) + 1]

t.test('every setting is on the command line, and no cap for pictures of one size', (t) => {
  const config = loadConfig({
    MODEL_NAME: 'tiny.gguf',
    CONTEXT_SIZE: '4096',
    SLOTS: '2',
    PROMPT_CACHE_MIB: '100',
  })
  const { arguments: list, environment } = engineCommand(modelSettings(config), someModel(), surroundings)
  t.strictSame(list, [
    ...['--model', '/models/tiny.gguf', '--mmproj', '/models/tiny-mmproj.gguf', '--alias', 'tiny.gguf'],
    ...['--host', '/tmp/x/engine.sock', '--offline', '--gpu-layers', '0', '--load-mode', 'none'],
    ...['--parallel', '2', '--no-kv-unified', '--ctx-size', '8192', '--predict', '4096'],
    ...['--batch-size', '512', '--ubatch-size', '512', '--threads', '3', '--threads-batch', '3'],
    ...['--fit', 'off', '--cache-ram', '100', '--skip-chat-parsing', '--reasoning', 'off'],
    ...['--log-colors', 'off', '--verbosity', '3'],
  ])
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

t.test('what was trained in BF16 may be computed in it, unless all is wanted in full', (t) => {
  const environmentOf = (type: string, env: Record<string, string> = {}) =>
    engineCommand(modelSettings(loadConfig(env)), withProjector(type), surroundings).environment
  t.equal(environmentOf('mllama').GGML_CPU_F16_WAS_BF16, '1')
  t.notOk('GGML_CPU_F16_WAS_BF16' in environmentOf('mllama', { ENGINE_PRECISION: 'full' }))
  t.notOk('GGML_CPU_F16_WAS_BF16' in environmentOf('pixtral'))
  t.end()
})

t.test('models that look at a whole picture at once get a batch that holds it', (t) => {
  for (const type of ['gemma3', 'gemma3nv', 'gemma4v', 'gemma4uv', 'deepseek4v'])
    t.equal(batchSize(withProjector(type)), 2048, type)
  t.equal(batchSize(withProjector('qwen2vl_merger')), 512)
  t.end()
})

t.test('a picture of varying size takes half of the context at most, within what its model allows', (t) => {
  const told = (env = {}) => toldSettings(modelSettings(loadConfig(env)), undefined)
  const cap = (type: string, env: Record<string, string> = {}) =>
    imageTokenCap(told(env), withProjector(type))
  t.equal(cap('qwen2.5vl_merger'), 1024)
  t.equal(cap('qwen2.5vl_merger', { CONTEXT_SIZE: '16384' }), 4096)
  t.equal(cap('qwen2.5vl_merger', { IMAGE_MAX_TOKENS: '300' }), 300)
  t.equal(cap('lfm2'), 256)
  t.equal(cap('gemma4v', { IMAGE_MAX_TOKENS: '10' }), 70)
  t.equal(cap('gemma3'), undefined)
  t.equal(
    argumentOf(engineCommand(told(), withProjector('pixtral'), surroundings).arguments, '--image-max-tokens'),
    '1024',
  )
  t.end()
})
