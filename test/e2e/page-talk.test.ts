/** The talk of the page at `/`: what each word of the service becomes there. The service answers as the test wants. */
import type { AddressInfo } from 'node:net'
import type { Browser } from 'playwright-core'
import t, { type Test } from 'tap'
import { failure } from '../../src/errors.ts'
import type { Call, Inference } from '../../src/inference/infer.ts'
import type { InferenceEvent } from '../../src/inference/question.ts'
import { answerOf, somePicture, testApp, textOf } from '../support/app.ts'
import { png } from '../support/images.ts'
import {
  ask,
  bring,
  checkLooks,
  choose,
  open,
  outcome,
  phone,
  screenshot,
  skip,
  startBrowser,
} from '../support/page.ts'

const markdown = `# What is there

A **llama**, a \`star\` and [a guide](https://guide.example/llamas?a=1).

- one
  1. within

| shape | number |
|---|--:|
| llama | 1 |

\`\`\`
code <b>
\`\`\`

<img src=x onerror="document.title='taken over'"> [no](javascript:alert(1))`

/** The page with a service that answers each question by the next of `answers`, given the way to tell of it. */
async function talking(t: Test, browser: Browser, options: Parameters<typeof open>[3] = {}) {
  const calls: Call[] = []
  const answers: Inference['infer'][] = []
  const shown = { ...somePicture, bytes: await png() }
  const planned: Call['question'][] = []
  const app = await testApp(t, {
    infer: (call) => {
      calls.push(call)
      return answers.shift()?.(call) ?? Promise.resolve(answerOf(textOf(call.question)))
    },
    plan: async ({ question }) => {
      planned.push(question)
      return {
        images: [shown],
        promptTokens: 20,
        ahead: 0,
        seconds: { queue: 10, prompt: 80, generation: 300 },
      }
    },
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo // It listens at a port, not a pipe.
  const opened = await open(t, browser, `http://127.0.0.1:${port}`, options)
  return { ...opened, calls, answers, planned }
}

/** An answer that is told step by step, when the test says so. */
function stepwise() {
  let tell: (event: InferenceEvent) => void = () => {}
  let finish: (text: string) => void = () => {}
  const answer: Inference['infer'] = ({ signal, ...call }) =>
    new Promise((resolve, reject) => {
      tell = call.tell ?? tell
      finish = (text) => resolve(answerOf(text))
      signal.addEventListener('abort', () => reject(signal.reason))
    })
  return { answer, tell: (event: InferenceEvent) => tell(event), finish: (text: string) => finish(text) }
}

t.test('the talk', { skip }, async (t) => {
  let browser: Browser
  t.before(async () => {
    browser = await startBrowser()
  })
  t.teardown(() => browser?.close())

  await t.test('a follow-up question comes with what was said before', async (t) => {
    const { page, calls, answers } = await talking(t, browser)
    await choose(page, 'a.png', await png())
    answers.push(
      async () => answerOf('A llama.'),
      async () => answerOf('  '),
      () => Promise.reject(new Error('no answer')),
    )
    for (const [question, expected] of [
      ['What is it?', 'answered'],
      ['Is it wet?', 'answered'],
      ['Is it dry?', 'failed'],
      ['Why?', 'answered'],
    ] as const) {
      await ask(page, question)
      t.equal(await outcome(page), expected)
    }
    const said = () =>
      calls.at(-1)?.question.messages.map(({ role, parts }) => {
        const texts = parts.map((part) => (part.type === 'text' ? part.text : 'picture'))
        return `${role}: ${texts.join(', ')}`
      })
    t.strictSame(said(), ['user: picture, What is it?', 'assistant: A llama.', 'user: Why?'])
    t.match(await page.locator('#code').textContent(), /history=\[\{"prompt":"What is it\?"/)

    await page.getByRole('button', { name: 'New conversation' }).click()
    await ask(page, 'And now?')
    t.equal(await outcome(page), 'answered')
    t.strictSame(said(), ['user: picture, And now?'])
    t.equal(await page.locator('.subject').count(), 2)
  })

  await t.test('seconds left are told from the plan, then by what is heard', async (t) => {
    const { page, answers } = await talking(t, browser)
    await choose(page, 'a.png', await png())
    await page.locator('#outlook').getByText('first word in about 1\u00a0min 30\u00a0s').waitFor()
    const { answer, tell, finish } = stepwise()
    answers.push(answer)
    await ask(page, 'What is it?')
    const state = page.locator('.turn:last-child .turn-state')
    await state.getByText(/about 1\smin (2\d|30)\ss left$/).waitFor()
    tell({ type: 'queued', position: 1, secondsLeft: 72 })
    tell({ type: 'image', image: somePicture, done: 1, total: 1 })
    await state.getByText(/^Waiting at position 1: 1 request ahead · about 1\smin/).waitFor()
    tell({ type: 'queued', position: 0, secondsLeft: 0 })
    tell({ type: 'prompt', processed: 1, cached: 0, total: 20, secondsLeft: 50 })
    tell({ type: 'picture', done: 1, total: 4, secondsLeft: 45 })
    await state.getByText(/^Reading the picture, 1\s×\s1 · about 4\d\ss left$/).waitFor()
    await checkLooks(t, page)
    await screenshot(page, 'desktop-seconds')
    tell({ type: 'token', text: 'A **lla' })
    await state.getByText('Writing the answer', { exact: true }).waitFor()
    const shown = page.locator('.turn:last-child .turn-answer')
    t.equal(await shown.textContent(), 'A **lla')
    t.notMatch(await page.locator('#news').textContent(), /lla/, 'no word is heard alone')
    tell({ type: 'token', text: 'ma**' })
    await shown.locator('strong').getByText('llama').waitFor()
    finish('A **llama**')
    t.equal(await outcome(page), 'answered')
    t.equal(
      await page.locator('#news').textContent(),
      'Answer: A llama',
      'the whole is heard, without its signs',
    )
  })

  await t.test('Markdown is drawn, and nothing in an answer is more than its words', async (t) => {
    const { page, answers, complaints, outside } = await talking(t, browser)
    await choose(page, 'a.png', await png())
    answers.push(async () => answerOf(markdown))
    await ask(page, 'What is it?')
    t.equal(await outcome(page), 'answered')
    const answer = page.locator('.turn:last-child .turn-answer')
    t.equal(await answer.locator('h4').textContent(), 'What is there')
    t.equal(await answer.locator('ul > li > ol > li').textContent(), 'within')
    t.equal(await answer.locator('table td').last().textContent(), '1')
    t.equal(await answer.locator('pre').textContent(), 'code <b>')
    const links = answer.locator('a')
    t.equal(await links.count(), 1)
    t.equal(await links.getAttribute('href'), 'https://guide.example/llamas?a=1')
    t.match(await links.getAttribute('rel'), /noopener/)
    t.match(await answer.textContent(), /a guide \(guide\.example\)\./, 'where it leads is plain')
    t.equal(await answer.locator('img').count(), 0)
    t.equal(await page.title(), 'llama-vision')
    t.strictSame(complaints, [])
    t.strictSame(outside, [])
    await checkLooks(t, page)
    await screenshot(page, 'desktop-markdown')
    await page.setViewportSize(phone)
    await checkLooks(t, page)
    await page.reload()
    await answer.locator('table').waitFor()
    t.equal(await links.count(), 1, 'kept as it was')
  })

  await t.test('where pictures are fetched, an address becomes the picture that was fetched', async (t) => {
    const { page, planned, calls, outside } = await talking(t, browser)
    const address = 'https://pictures.example/llamas/a%20llama.png?size=1'
    await page.getByLabel('Question about the picture').focus()
    await bring(page, 'paste', [], { 'text/plain': address })
    await page.locator('#caption').getByText('a-llama.png').waitFor()
    t.match(planned[0]?.messages[0]?.parts[0], { type: 'image', image: address })
    await ask(page, 'What is it?')
    t.equal(await outcome(page), 'answered')
    t.match(calls[0]?.question.messages[0]?.parts[0], { image: (await png()).toString('base64') })
    t.strictSame(outside, [])
  })

  await t.test('a conversation that no longer fits is told a way out', async (t) => {
    const { page, answers } = await talking(t, browser)
    await choose(page, 'a.png', await png())
    const full = () => Promise.reject(failure('context_exceeded', { actual: 9, limit: 8 }))
    answers.push(full, async () => answerOf('A llama.'), full)
    const hint = page.locator('.turn:last-child .turn-hint')
    await ask(page, 'What is it?')
    t.equal(await outcome(page), 'failed')
    t.notMatch(await hint.textContent(), /new conversation/)
    for (const [question, expected] of [
      ['And now?', 'answered'],
      ['And then?', 'failed'],
    ] as const) {
      await ask(page, question)
      t.equal(await outcome(page), expected)
    }
    await checkLooks(t, page)
    t.match(await hint.textContent(), /A new conversation about the same pictures has room again/)
  })

  await t.test('Escape stops, and closes the settings', async (t) => {
    const { page, answers } = await talking(t, browser)
    await choose(page, 'a.png', await png())
    const { answer, tell } = stepwise()
    answers.push(answer)
    await ask(page, 'What is it?')
    await page.locator('.turn').waitFor()
    tell({ type: 'token', text: 'A llama' })
    await page.locator('.turn-answer').getByText('A llama').waitFor()
    await page.keyboard.press('Escape')
    t.equal(await outcome(page), 'stopped')
    t.equal(await page.locator('.turn-answer').textContent(), 'A llama', 'what was written stays')
    await page.getByText('Settings').click()
    await page.getByLabel('Temperature').press('Escape')
    t.ok(await page.getByLabel('Temperature').isHidden())
    t.equal(await page.evaluate('document.activeElement.textContent'), 'Settings')
  })

  await t.test('without JavaScript there is a form', async (t) => {
    const named = await startBrowser(['--host-resolver-rules=MAP vision.internal 127.0.0.1'])
    t.teardown(() => named.close())
    const { page, calls } = await talking(t, named, { javaScriptEnabled: false })
    // By a name over plain HTTP, browsers say less of where a request comes from than they do of this very machine.
    for (const address of [page.url(), page.url().replace('127.0.0.1', 'vision.internal')]) {
      await page.goto(address)
      const plain = page.locator('.plain')
      await plain.waitFor()
      t.ok(await page.locator('#choose').isHidden(), 'what would be dead is not there')
      await screenshot(page, 'desktop-plain')
      await plain
        .locator('input[type=file]')
        .setInputFiles({ name: 'a.png', mimeType: 'image/png', buffer: await png() })
      await plain.locator('input[name=prompt]').fill('What colour is it?')
      await plain.locator('button').click()
      await page.waitForURL('**/infer')
      t.match(await page.content(), '"response_text":"What colour is it?"')
    }
    t.equal(calls.length, 2)
  })
})
