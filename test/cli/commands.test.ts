/** The commands as people type them, against the real service and the demo model. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { doctor } from '../../src/cli/doctor.ts'
import { duration, progressLine } from '../../src/cli/progress.ts'
import { packageRoot } from '../../src/config.ts'
import { healthyService, untouched } from '../support/service.ts'

const samples = join(packageRoot, 'models/demo/samples')

async function command(...words: string[]) {
  const { PATH, HOME, ENGINE_PATH } = process.env
  const child = spawn('env', [...untouched, process.execPath, 'dist/main.js', ...words], {
    cwd: packageRoot,
    env: { PATH, HOME, ENGINE_PATH, MODEL_NAME: 'demo', PORT: '1', THREADS: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [out, error, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ])
  return { out, error, code: code as number }
}

t.test('infer writes the answer, and what it is about to the other stream', async (t) => {
  const { url } = await healthyService(t, { API_KEYS: 'secret' })
  const picture = join(samples, 'star.jpg')
  const asked = ['infer', picture, 'What shape is this?', '--url', url, '--temperature', '0']
  const answer = await command(...asked, '--key', 'secret')
  t.match(answer, { code: 0, out: 'star\n', error: /looking at 282x335 pixels in 4 tiles\n[\s\S]*tokens in/ })
  const json = await command(...asked, '--key', 'secret', '--json')
  t.match(JSON.parse(json.out), { success: true, response_text: 'star' })
  t.match(await command(...asked), { code: 1, out: '', error: /An API key is needed/ })
  t.match(await command('infer', '/nowhere.jpg', 'a', '--url', url), { code: 1, error: /nowhere\.jpg/ })
})

t.test('infer starts a model of its own when none is there', async (t) => {
  const answer = await command(
    'infer',
    join(samples, 'star.jpg'),
    'What shape is this?',
    '--temperature',
    '0',
  )
  t.match(answer, { code: 0, out: 'star\n', error: /starting the model demo/ })
})

t.test('caption goes through a folder, and on where it stopped', async (t) => {
  const { url } = await healthyService(t, { SLOTS: '2' })
  const folder = t.testdir({})
  cpSync(samples, join(folder, 'photos'), { recursive: true })
  mkdirSync(join(folder, 'photos/.hidden'))
  writeFileSync(join(folder, 'photos/.hidden/a.png'), 'not looked at')
  writeFileSync(join(folder, 'photos/broken.png'), 'no picture')
  writeFileSync(join(folder, 'photos/notes.txt'), 'no picture either')
  const out = join(folder, 'captions.jsonl')
  const run = () =>
    command(
      ...['caption', join(folder, 'photos'), '--prompt', 'What shape is this?', '--out', out],
      ...['--url', url, '--parallel', '2', '--temperature', '0'],
    )
  const first = await run()
  t.equal(first.code, 1, 'one of them is broken')
  t.match(first.error, /100 % 4 of 4, 1 failed/)
  t.match(first.error, /3 captions written to .*captions\.jsonl\n/)
  t.match(first.error, /left out, hidden: \.hidden\nleft out, no picture: notes\.txt\n/)
  t.match(first.error, /\nbroken\.png: .* does not hold a picture/)
  const captions = readFileSync(out, 'utf8').trim().split('\n')
  t.match(
    captions.map((line) => JSON.parse(line)).find(({ path }) => path === 'star.jpg'),
    {
      text: 'star',
      model: 'demo',
      finish_reason: 'stop',
      width: 282,
      height: 335,
    },
  )
  // As a run leaves it that was killed while it wrote its last line.
  writeFileSync(out, `${captions.slice(0, 2).join('\n')}\n${captions[2]?.slice(0, 20)}`)
  const second = await run()
  t.match(second.error, /1 captions written to .*, 2 were there before/)
  t.equal(readFileSync(out, 'utf8').trim().split('\n').length, 3)
  t.match(await command('caption', join(folder, 'photos/.hidden'), '--out', join(folder, 'none.jsonl')), {
    code: 1,
  })
  t.match(await command('caption', folder, '--parallel', '0'), { code: 1, error: /whole number from 1/ })
})

t.test('the doctor tells what would happen, and what is wrong', async (t) => {
  const good = await doctor({ MODEL_NAME: 'demo', PORT: '0', ENGINE_PATH: process.env.ENGINE_PATH })
  t.same(
    good.filter(({ level }) => level === 'fault'),
    [],
  )
  const about = (name: string, findings = good) => findings.find((finding) => finding.about === name)
  t.match(about('engine'), { sentence: /version \d/ })
  t.match(about('confinement'), { level: 'good', sentence: /^the engine has no network/ })
  t.match(about('threads'), { sentence: /^\d+: \d+ cores may be used/ })
  t.match(about('model'), { sentence: /demo-q4_k_m\.gguf \(mllama\) which holds its vision part/ })
  t.match(about('memory'), { sentence: /weights .* \+ KV cache .*; (the machine has|the container)/ })

  const { url } = await healthyService(t)
  const { port: taken } = new URL(url)
  const running = await doctor({ MODEL_NAME: 'demo', PORT: taken })
  t.match(about('port', running), {
    level: 'good',
    sentence: /a service answers at .* already \(healthy: demo\)/,
  })
  const squatter = createServer().listen(0, '0.0.0.0')
  t.teardown(() => squatter.close())
  await once(squatter, 'listening')
  const bad = await doctor({
    MODEL_NAME: 'missing.gguf',
    HOST: '0.0.0.0',
    PORT: String((squatter.address() as AddressInfo).port),
    ENGINE_PATH: '/nowhere/llama-server',
    THREADS: '1000',
  })
  const levels = Object.fromEntries(bad.map(({ about, level }) => [about, level]))
  t.match(levels, {
    settings: 'good',
    engine: 'fault',
    threads: 'warning',
    model: 'fault',
    port: 'fault',
    access: 'fault',
  })
  t.match(await doctor({ PORT: 'many' }), [{ about: 'settings', level: 'fault', sentence: /PORT must be/ }])
  const big = await doctor({
    MODEL_NAME: 'demo',
    PORT: '0',
    PROMPT_CACHE_MIB: '1000000',
    CONTEXT_SIZE: '100000',
  })
  t.match(about('memory', big), { level: 'fault', sentence: /needs about 9\d\d\.\d GiB/ })
  t.match(about('model', big), { level: 'warning', sentence: /was trained for \d+ tokens/ })

  const json = await command('doctor', '--json')
  t.type(JSON.parse(json.out).length, 'number')
})

t.test('progress is a bar on a terminal and lines elsewhere', (t) => {
  const written: string[] = []
  const stream = (isTTY: boolean) =>
    ({ isTTY, write: (text: string) => written.push(text) }) as unknown as NodeJS.WriteStream
  const lines = progressLine(stream(false))
  for (const share of [0, 0.05, 0.1, 0.15, 1]) lines.show(share, 'x')
  lines.end()
  t.same(written.splice(0), ['0 % x\n', '10 % x\n', '100 % x\n'])
  let ms = 0
  const slow = progressLine(stream(false), () => ms)
  for (ms of [0, 200_000, 310_000, 320_000]) slow.show(0.01, `${ms}`)
  slow.say('a sentence')
  t.same(written.splice(0), ['1 % 0\n', '1 % 310000\n', 'a sentence\n'])
  const bar = progressLine(stream(true))
  bar.show(0.5, 'x')
  bar.say('a sentence')
  bar.end()
  t.match(written, [/^\r.*████████████░░░░░░░░░░░░ 50 % x$/, '\r\u001b[Ka sentence\n'])
  t.same([duration(5), duration(75), duration(7300)], ['5 s', '1 min 15 s', '2 h 1 min'])
  t.end()
})
