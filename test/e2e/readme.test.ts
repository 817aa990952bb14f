/**
 * Every command and example of the README and of docs/clients.md, run as it stands there but for the port, since the
 * default one may be taken. Docker's are in container-check.sh.
 */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { packageRoot } from '../../src/config.ts'
import { jpeg } from '../support/images.ts'
import { untilHealthy, untouched } from '../support/service.ts'

const run = promisify(execFile)
const readme = readFileSync(join(packageRoot, 'README.md'), 'utf8')
const clients = readFileSync(join(packageRoot, 'docs/clients.md'), 'utf8')

/** Where the service of this test listens. */
let port = 'unknown'

/** The only code block of this language that holds `text`, for the service of this test. */
function example(language: string, text: string, page = readme): string {
  const blocks = [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(
    (match) => match[1] ?? '',
  )
  const found = blocks.filter((block) => block.includes(text))
  if (found.length !== 1) throw new Error(`${found.length} ${language} examples with ${text} in README.md`)
  return (found[0] ?? '').replaceAll('localhost:5000', `localhost:${port}`)
}

const { PATH, HOME, XDG_CACHE_HOME, LLAMA_VISION_CACHE } = process.env
const userEnv = { PATH, HOME, XDG_CACHE_HOME, LLAMA_VISION_CACHE }

t.test('npm run demo', async (t) => {
  const command = [...untouched, 'npm', 'run', '--silent', 'demo']
  const { stdout } = await run('env', command, { cwd: packageRoot, env: userEnv })
  t.match(stdout, /^picture: {2}models\/demo\/samples\/shapes\.png$/m)
  t.match(stdout, /^question: /m)
  t.match(stdout, /"response_text": "There are three shapes: /)
})

t.test('npm start, with its examples', async (t) => {
  const service = spawn('env', [...untouched, 'npm', 'start'], {
    cwd: packageRoot,
    env: { ...userEnv, MODEL_NAME: 'demo', THREADS: '1', PORT: '0' },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const exited = once(service, 'exit')
  t.teardown(async () => {
    service.kill('SIGTERM')
    await exited
  })
  port = await new Promise<string>((resolve, reject) => {
    service.stdout.on('end', () => reject(new Error('npm start ended')))
    createInterface({ input: service.stdout }).on('line', (line) => {
      const listening = /listening at http:\/\/[^"]*:(\d+)/.exec(line)
      if (listening?.[1]) resolve(listening[1])
    })
  })
  await untilHealthy(`http://localhost:${port}`)
  await curlExample(t)
  await clientExamples(t)
  await healthExample(t)
  await pythonExample(t)
})

async function folderWithPicture(t: Test): Promise<string> {
  const folder = t.testdir()
  writeFileSync(join(folder, 'image.jpg'), await jpeg())
  return folder
}

async function curlExample(t: Test): Promise<void> {
  await t.test('the curl example', async (t) => {
    const cwd = await folderWithPicture(t)
    const { stdout } = await run('bash', ['-c', example('bash', 'IMAGE_B64=')], { cwd })
    t.match(JSON.parse(stdout), { success: true, model: 'demo', error: null })
  })
}

async function clientExamples(t: Test): Promise<void> {
  const cwd = await folderWithPicture(t)
  mkdirSync(join(cwd, 'photos'))
  writeFileSync(join(cwd, 'photos/one.jpg'), await jpeg())
  symlinkSync(join(packageRoot, 'dist'), join(cwd, 'dist'))
  const bash = async (script: string) =>
    (await run('env', [...untouched, 'bash', '-ec', script], { cwd, env: { ...userEnv, PORT: port } })).stdout
  await t.test('the form of the README', async (t) => {
    t.match(JSON.parse(await bash(example('bash', 'curl -F'))), { success: true })
  })
  await t.test('a form and a bare picture', async (t) => {
    const answers = (await bash(example('bash', '--data-binary', clients))).split(/(?<=\})(?=\{"success")/)
    t.match(
      answers.map((answer) => JSON.parse(answer)),
      [{ success: true }, { success: true }],
    )
  })
  await t.test('a stream', async (t) => {
    t.match(
      await bash(example('bash', 'stream=true', clients)),
      /^event: queued[\s\S]*event: done\ndata: \{"success":true/,
    )
  })
  await t.test("as Ollama's", async (t) => {
    t.match(JSON.parse(await bash(example('bash', '/api/generate', clients))), { done: true, response: /./ })
  })
  await t.test('in a terminal', async (t) => {
    t.match(await bash(example('bash', 'caption photos', clients)), /\w/)
    t.match(readFileSync(join(cwd, 'captions.csv'), 'utf8'), /^path,.*\none\.jpg,/)
  })
}

async function healthExample(t: Test): Promise<void> {
  await t.test('the health example', async (t) => {
    const { stdout } = await run('bash', ['-c', example('bash', 'curl http://localhost:5000/health')])
    t.match(JSON.parse(stdout), { status: 'healthy', model_loaded: true })
  })
}

const python = '/usr/bin/python3'

async function pythonExample(t: Test): Promise<void> {
  const missing = await run(python, ['-c', 'import requests']).then(
    () => false,
    () => `${python} has no requests (Debian: python3-requests)`,
  )
  await t.test('the Python example', { skip: missing }, async (t) => {
    const cwd = await folderWithPicture(t)
    writeFileSync(join(cwd, 'example.py'), example('python', 'requests.post'))
    const { stdout } = await run(python, ['example.py'], { cwd })
    t.ok(stdout.trim().length > 0, stdout)
  })
}
