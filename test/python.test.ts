/** The Python of the repository: linted, typed and tested like the rest, where Python and its tools are. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { packageRoot } from '../src/config.ts'
import { answersDistance, asked, LlamaServer, patternPicture } from './support/llama-server.ts'
import { pythonWith } from './support/python.ts'
import { precise, writeTinyModel } from './support/tiny-llama-vision.ts'

const folders = ['convert', 'models/training', 'test/llama-vision/oracle', 'test/convert', 'test/training']
const tools = await pythonWith('ruff', 'mypy', 'pytest', 'numpy', 'gguf', 'safetensors')
const skip = tools === undefined && 'Python with ruff, mypy, pytest, numpy, gguf and safetensors is not here'

/** Passes when the command ends with 0; what it said is shown otherwise. */
async function passes(t: Test, ...words: string[]): Promise<void> {
  const options = {
    cwd: packageRoot,
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1', PYTHONPATH: 'convert', NODE_OPTIONS: '' },
  }
  const result = await promisify(execFile)(tools ?? '', words, options).catch((error) => error)
  t.equal(result.code ?? 0, 0, words.join(' '), { said: `${result.stdout}${result.stderr}` })
}

t.test('it is linted and typed', { skip }, async (t) => {
  await passes(t, '-m', 'ruff', 'check', '--quiet', '--no-cache', '.')
  await passes(t, '-m', 'ruff', 'format', '--check', '--quiet', '--no-cache', '.')
  const files = folders.flatMap((folder) =>
    readdirSync(join(packageRoot, folder))
      .filter((name) => name.endsWith('.py'))
      .map((name) => join(folder, name)),
  )
  await passes(t, '-m', 'mypy', '--no-error-summary', '--cache-dir', '/dev/null', ...files)
})

t.test('its own tests pass', { skip }, async (t) => {
  await passes(t, '-m', 'pytest', '--quiet', '-p', 'no:cacheprovider')
})

t.test('a checkpoint that was converted is the model that was meant', { skip }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'converted-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'converted.gguf')
  await passes(t, 'test/llama-vision/oracle/random_checkpoint.py', 'small', join(folder, 'small'))
  await passes(t, 'convert/convert.py', join(folder, 'small'), path, '--type', 'f32')
  const question = {
    prompt: asked('<__media__>hello'),
    pictures: [await patternPicture(110, 50)],
    tokens: 3,
  }
  const ours = await LlamaServer.start(t, [...writeTinyModel(folder, 'ours'), ...precise])
  const converted = await LlamaServer.start(t, ['--model', path, ...precise])
  t.ok(answersDistance(await converted.ask(question), await ours.ask(question)) < 1e-9)
})
