/** Llama 3.2 Vision in llama-server: slots, reuse, states, limits. Whatever the way, the answer is the same. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { packageRoot } from '../../src/config.ts'
import {
  answersDistance,
  asked,
  type EngineAnswer,
  LlamaServer,
  patternPicture,
  type Question,
} from '../support/llama-server.ts'
import { precise, slowShape, writeTinyModel } from '../support/tiny-llama-vision.ts'

const folder = mkdtempSync(join(tmpdir(), 'tiny-llama-vision-'))
t.teardown(() => rmSync(folder, { recursive: true }))
const model = writeTinyModel(folder, 'ours')

const start = (t: Test, ...options: string[]) =>
  LlamaServer.start(t, [...model, ...precise, '--ctx-size', '1024', '--parallel', '1', ...options])

const wide = await patternPicture(200, 100)
const tall = await patternPicture(56, 200)
const aboutWide: Question = {
  prompt: asked('<__media__>hello there, what is this'),
  pictures: [wide],
  tokens: 8,
}
const aboutTall: Question = { ...aboutWide, pictures: [tall] }
const textOnly: Question = { prompt: asked('hello there'), tokens: 8 }
const twoApart: Question = {
  prompt: asked('say <__media__>there and <__media__>here'),
  pictures: [await patternPicture(56, 56), await patternPicture(70, 50)],
  tokens: 8,
}
const followUp: Question = {
  ...aboutWide,
  prompt: `${aboutWide.prompt}a thing<|eot_id|>${asked('and what else')}`,
}

const baseline = await start(t)
/** From a start where nothing is reused. */
const fresh = {
  wide: await baseline.ask(aboutWide),
  tall: await baseline.ask(aboutTall),
  text: await baseline.ask(textOnly),
  apart: await baseline.ask(twoApart),
  followUp: await baseline.ask(followUp),
}

const same = 1e-5
const roundedStates = 1e-4

function isSame(t: Test, actual: EngineAnswer, expected: EngineAnswer, what: string, within = same): void {
  const apart = answersDistance(actual, expected)
  t.ok(apart <= within, `${what}: ${apart.toExponential(1)}`)
}

t.test('different pictures are told apart', async (t) => {
  t.ok(answersDistance(fresh.wide, fresh.tall) > 0.01)
  t.ok(answersDistance(fresh.wide, fresh.text) > 0.01)
})

t.test('a picture is one token, whatever its tiles', async (t) => {
  const pictureless = await baseline.ask({
    ...aboutWide,
    prompt: asked('hello there, what is this'),
    pictures: [],
  })
  t.equal(fresh.wide.promptTokens, pictureless.promptTokens + 1)
  t.equal(fresh.tall.promptTokens, fresh.wide.promptTokens)
})

t.test('the picture token is never an answer', async (t) => {
  const pictureToken = 512
  for (const { logProbabilities } of Object.values(fresh)) {
    for (const values of logProbabilities) t.ok((values[pictureToken] ?? 0) < -1e30)
  }
})

t.test('batches of any size give the same answer', async (t) => {
  for (const size of [1, 7, 64]) {
    const server = await start(t, '--batch-size', '64', '--ubatch-size', String(size))
    isSame(t, await server.ask(aboutWide), fresh.wide, `one picture, batches of ${size}`)
    isSame(t, await server.ask(twoApart), fresh.apart, `two pictures, batches of ${size}`)
    await server.stop()
  }
})

t.test('flash attention and a quantized cache change little', async (t) => {
  const quick = ['--ctx-size', '1024', '--parallel', '1']
  const flash = await LlamaServer.start(t, [...model, ...quick, '--flash-attn', 'on'])
  isSame(t, await flash.ask({ ...aboutWide, tokens: 1 }), firstToken(fresh.wide), 'flash attention', 1e-3)
  const small = [...quick, '--cache-type-k', 'q8_0', '--cache-type-v', 'q8_0']
  const quantized = await LlamaServer.start(t, [...model, ...small])
  isSame(t, await quantized.ask({ ...aboutWide, tokens: 1 }), firstToken(fresh.wide), 'q8_0 cache', 1e-2)
})

const firstToken = (answer: EngineAnswer): EngineAnswer => ({
  ...answer,
  logProbabilities: answer.logProbabilities.slice(0, 1),
})

t.test('a longer chat about the same picture reuses all of it', async (t) => {
  const server = await start(t)
  await server.ask({ ...aboutWide, tokens: 1, reuse: true })
  const answer = await server.ask({ ...followUp, reuse: true })
  t.equal(answer.cachedTokens, fresh.wide.promptTokens, 'the picture and all of the first question')
  isSame(t, answer, fresh.followUp, 'the follow-up')
})

t.test('another picture under the same words is looked at, and text after it forgets it', async (t) => {
  const server = await start(t)
  await server.ask({ ...aboutWide, reuse: true })
  isSame(t, await server.ask({ ...aboutTall, reuse: true }), fresh.tall, 'the other picture')
  isSame(t, await server.ask({ ...textOnly, reuse: true }), fresh.text, 'text only')
  isSame(t, await server.ask({ ...aboutWide, reuse: true }), fresh.wide, 'the first picture again')
})

t.test('slots with and without pictures work side by side', async (t) => {
  for (const cache of ['--kv-unified', '--no-kv-unified']) {
    const server = await start(t, cache, '--parallel', '4', '--ctx-size', '4096')
    const questions = [aboutWide, textOnly, aboutTall, twoApart]
    const expected = [fresh.wide, fresh.text, fresh.tall, fresh.apart]
    for (let round = 0; round < 3; round += 1) {
      const answers = await Promise.all(questions.map((one, slot) => server.ask({ ...one, slot })))
      answers.forEach((answer, slot) => {
        const wanted = expected[slot]
        if (wanted) isSame(t, answer, wanted, `${cache}, slot ${slot}`, roundedStates)
      })
    }
    await server.stop()
  }
})

t.test(
  'the second of two adjacent pictures may change, for models whose pictures are many tokens',
  async (t) => {
    const demo = (file: string) => join(packageRoot, 'models/demo', file)
    const pair = ['--model', demo('demo-text-q4_k_m.gguf'), '--mmproj', demo('demo-mmproj-f16.gguf')]
    const server = await LlamaServer.start(t, [...pair, '--ctx-size', '1024', '--parallel', '1'])
    const [left, middle, right] = await Promise.all([56, 70, 90].map((side) => patternPicture(side, 50)))
    const both = (second = middle): Question => ({
      prompt: 'USER: <__media__><__media__>What is this? ASSISTANT:',
      pictures: [left ?? wide, second ?? wide],
      tokens: 4,
    })
    const expected = await server.ask(both(right))
    await server.ask({ ...both(middle), reuse: true })
    const answer = await server.ask({ ...both(right), reuse: true })
    t.ok(answer.cachedTokens > 0, 'the first picture is kept')
    t.same(answer.tokens, expected.tokens)
  },
)

t.test('a saved slot brings its picture back, and a saved text no picture', async (t) => {
  const server = await start(t, '--parallel', '2', '--ctx-size', '2048', '--slot-save-path', t.testdir())
  const slot = async (id: number, action: string, filename: string) =>
    t.equal((await server.post(`/slots/${id}?action=${action}`, { filename })).status, 200, action)
  await server.ask({ ...aboutWide, tokens: 1, slot: 0, reuse: true })
  await slot(0, 'save', 'picture')
  await server.ask({ ...textOnly, tokens: 1, slot: 0, reuse: true })
  await slot(0, 'save', 'text')

  await slot(1, 'restore', 'picture')
  const answer = await server.ask({ ...followUp, slot: 1, reuse: true })
  t.equal(answer.cachedTokens, fresh.wide.promptTokens)
  isSame(t, answer, fresh.followUp, 'the picture restored')

  await slot(1, 'restore', 'text')
  const words = { ...textOnly, prompt: `${textOnly.prompt}and on it goes` }
  const after = await server.ask({ ...words, slot: 1, reuse: true })
  t.ok(after.cachedTokens >= fresh.text.promptTokens)
  isSame(t, after, await baseline.ask(words), 'a text restored over a picture')
})

t.test('pictures beyond the cache are refused, and the next request is answered', async (t) => {
  const server = await start(t, '--ctx-cross', '256')
  const four = await patternPicture(112, 112)
  const others = await Promise.all([108, 104, 100].map((side) => patternPicture(side, side)))
  const crowd = {
    prompt: asked('<__media__>a<__media__>b<__media__>c<__media__>'),
    pictures: [four, ...others],
  }
  const { status, body } = await server.post('/completion', server.completion(crowd))
  t.equal(status, 400)
  t.match(JSON.stringify(body), /no room for the image/)
  isSame(t, await server.ask(aboutWide), fresh.wide, 'afterwards')
})

t.test('a prompt that ends with a picture is refused', async (t) => {
  const dangling = { prompt: '<|start_header_id|>user<|end_header_id|>\n\n<__media__>', pictures: [wide] }
  const { status, body } = await baseline.post('/completion', baseline.completion(dangling))
  t.equal(status, 400)
  t.match(JSON.stringify(body), /must not end with an image/)
  isSame(t, await baseline.ask(aboutWide), fresh.wide, 'afterwards')
})

t.test('the picture token written as text is no picture', async (t) => {
  const answer = await baseline.ask({ prompt: asked('a <|image|> in words'), tokens: 2 })
  t.equal(answer.tokens.length, 2)
  isSame(t, await baseline.ask(textOnly), fresh.text, 'afterwards')
})

/** Leaves a request so long after the engine began with it. False when it was answered before that. */
async function giveUp(server: LlamaServer, content: object, waitMs: number): Promise<boolean> {
  const caller = new AbortController()
  let answered = false
  const answer = server.post('/completion', content, caller.signal).then(
    () => {
      answered = true
    },
    () => {},
  )
  while (!answered && !(await isBusy(server)));
  await sleep(waitMs)
  caller.abort()
  await answer
  // As the service asks: what others hear must not keep the engine from seeing who has left.
  while (await isBusy(server));
  return !answered
}

const isBusy = async (server: LlamaServer): Promise<boolean> =>
  ((await server.get('/slots')).body as [{ is_processing: boolean }])[0].is_processing

t.test('a picture that is given up is left in the middle, and leaves nothing behind', async (t) => {
  const place = join(folder, 'slow')
  mkdirSync(place)
  const slow = writeTinyModel(place, 'ours', slowShape)
  const server = await LlamaServer.start(t, [...slow, ...precise, '--ctx-size', '1024', '--parallel', '1'])
  const question = { ...aboutWide, pictures: [await patternPicture(560, 560)], tokens: 2 }
  const began = performance.now()
  const expected = await server.ask(question)
  const tookMs = performance.now() - began
  t.comment(`a picture takes ${Math.round(tookMs)} ms`)
  for (const share of [0.2, 0.5, 0.8]) {
    let waitMs = share * tookMs
    do {
      // Or the picture would still be there.
      await server.ask({ ...textOnly, tokens: 1 })
      waitMs *= 0.9
      // The first one may have taken longer, where others want the same cores.
    } while (!(await giveUp(server, server.completion({ ...question, reuse: true }), waitMs)))
    isSame(t, await server.ask({ ...question, reuse: true }), expected, `given up after ${share} of its time`)
  }
  t.match(server.log, /image or audio given up/)
})

t.test('a request given up while the rows of its picture are decoded leaves nothing behind', async (t) => {
  const server = await start(t, '--batch-size', '32', '--ubatch-size', '1')
  for (let wait = 1; wait <= 40; wait += 3) {
    const abort = AbortSignal.timeout(wait)
    await server.post('/completion', server.completion({ ...aboutWide, reuse: true }), abort).catch(() => {})
    isSame(t, await server.ask({ ...aboutWide, reuse: true }), fresh.wide, `given up after ${wait} ms`)
    await server.ask({ ...aboutTall, tokens: 1, reuse: true })
  }
  t.ok(server.isRunning)
})
