/** The page at `/` against the real service: questions and answers, keys, keyboards and looks. */
import type { Browser } from 'playwright-core'
import t from 'tap'
import { encodeScene } from '../../models/drawings/pictures.ts'
import { heldOutQuestions } from '../../models/drawings/questions.ts'
import { fakeEngineConfig } from '../support/fake-engine.ts'
import { png, twoColours } from '../support/images.ts'
import {
  ask,
  checkLooks,
  choose,
  desktop,
  newestAnswer,
  open,
  outcome,
  phone,
  screenshot,
  skip,
  startBrowser,
} from '../support/page.ts'
import { healthyService, infer, type RunningService, runService } from '../support/service.ts'

t.test('the page', { skip }, async (t) => {
  let browser: Browser
  let service: RunningService
  t.before(async () => {
    browser = await startBrowser()
    service = await healthyService(t)
  })
  t.teardown(() => browser?.close())

  await t.test('answers, again about the same picture, and tells how long it took', async (t) => {
    const { page, complaints, outside } = await open(t, browser, service.url)
    await page.getByText('Ready', { exact: true }).waitFor()
    await screenshot(page, 'desktop-first')
    const [{ scene, question } = never()] = heldOutQuestions(1)
    const image = await encodeScene(scene, 'png')
    await choose(page, 'scene.png', image)
    await page.getByText('Settings').click()
    await page.getByLabel('Temperature').fill('0')
    await page.getByText('Settings').click()
    await page.evaluate(`
      window.seen = new Set()
      new MutationObserver(() => seen.add(document.querySelector('.turn:last-child .turn-answer')?.textContent))
        .observe(document.getElementById('turns'), { childList: true, subtree: true })
    `)
    const button = await page.getByRole('button', { name: 'Ask', exact: true }).boundingBox()

    const history: { prompt: string; response_text: string }[] = []
    for (const prompt of ['Describe this image in detail', question]) {
      await ask(page, prompt)
      t.equal(await outcome(page), 'answered')
      const { body } = await infer(service.url, {
        prompt,
        image: image.toString('base64'),
        temperature: 0,
        history,
      })
      t.equal(await newestAnswer(page), body.response_text)
      history.push({ prompt, response_text: body.response_text })
    }
    t.ok(Number(await page.evaluate('seen.size')) > 4, 'the answers came word by word')
    t.strictSame(await page.locator('.turn-question').allInnerTexts(), [
      'Describe this image in detail',
      question,
    ])
    const account = page.locator('.turn:last-child .turn-state')
    t.match(
      await account.textContent(),
      /in all · \d+ tokens read, \d+ of them known from before · \d+ written/,
    )
    for (const time of await page.locator('.turn:last-child .stage-time').allInnerTexts())
      t.match(time, /^[\d.]+\sm?s$/)
    t.match(await page.locator('#news').textContent(), /^Answer: /)
    t.same(
      await page.getByRole('button', { name: 'Ask', exact: true }).boundingBox(),
      button,
      'nothing jumped',
    )
    await screenshot(page, 'desktop-answered')

    await page.getByText('Settings').click()
    await page.getByLabel('Longest answer').fill('1')
    await ask(page, 'Describe this image in detail')
    t.equal(await outcome(page), 'answered')
    await page.locator('.turn-hint').getByText('The answer was cut off').waitFor()
    t.strictSame(complaints, [])
    t.strictSame(outside, [])
  })

  await t.test('scales a large picture down before it sends it', async (t) => {
    const { page } = await open(t, browser, service.url)
    const large = await twoColours(5000, 2500).png().toBuffer()
    await choose(page, 'large.png', large)
    await page
      .locator('#caption')
      .getByText(/Sent as a JPEG of 4096\s×\s2048/)
      .waitFor()
    await ask(page, 'What colour is it?')
    t.equal(await outcome(page), 'answered')
  })

  await t.test('needs no mouse', async (t) => {
    const { page } = await open(t, browser, service.url)
    const tab = async () => {
      await page.keyboard.press('Tab')
      return String(await page.evaluate(`document.activeElement.textContent || document.activeElement.id`))
    }
    // Begun early: whoever opens a chooser before the browser knows of the wait gets a window that nobody sees.
    const chooser = page.waitForEvent('filechooser')
    t.equal(await tab(), 'Choose a picture')
    await page.keyboard.press('Enter')
    await (await chooser).setFiles({ name: 'a.png', mimeType: 'image/png', buffer: await png() })
    await page.locator('#caption').getByText('a.png').waitFor()
    const reached: string[] = []
    for (let name = await tab(); name !== 'question' && reached.length < 20; name = await tab())
      reached.push(name)
    t.strictSame(
      reached.slice(0, 3),
      ['Replace', 'Forget all', 'Describe this image in detail'],
      'the focus went on with the picture',
    )
    await page.keyboard.type('What colour is it?')
    await page.keyboard.press('Shift+Enter')
    await page.keyboard.type('Just the colour.')
    await page.keyboard.press('Enter')
    t.equal(await outcome(page), 'answered')
    t.strictSame(await page.locator('.turn-question').allTextContents(), [
      'What colour is it?\nJust the colour.',
    ])
    reached.length = 0
    for (let name = await tab(); name !== 'API documentation' && reached.length < 20; name = await tab()) {
      t.not(
        await page.evaluate('getComputedStyle(document.activeElement).outlineStyle'),
        'none',
        `${name} shows`,
      )
      reached.push(name)
    }
    t.strictSame(reached, ['Settings', 'As code', 'Ask', 'curl', 'Python', 'JavaScript'])
  })

  for (const [name, viewport] of Object.entries({ desktop, phone })) {
    for (const colorScheme of ['light', 'dark'] as const) {
      await t.test(`looks right: ${name}, ${colorScheme}`, async (t) => {
        const { page } = await open(t, browser, service.url, {
          viewport,
          colorScheme,
          reducedMotion: 'reduce',
        })
        await page.getByText('Ready', { exact: true }).waitFor()
        await checkLooks(t, page)
        await screenshot(page, `${name}-${colorScheme}-first`)
        await choose(page, `${'a-very-long-name'.repeat(5)}.png`, await png())
        await ask(page, `What is this ${'long'.repeat(30)} word?`)
        t.equal(await outcome(page), 'answered')
        await screenshot(page, `${name}-${colorScheme}-answered`)
        await page.evaluate(`document.getElementById('key-row').hidden = false`)
        await page.getByText('Settings').click()
        await checkLooks(t, page)
        await page.getByRole('button', { name: 'JavaScript' }).click()
        await screenshot(page, `${name}-${colorScheme}-code`)
      })
    }
  }

  await t.test('waits for the model, asks for a key, and can be stopped', async (t) => {
    const { MODEL_PATH, MODEL_NAME, ENGINE_PATH } = fakeEngineConfig(t.testdir(), 'slow-load')
    const { url } = await runService(t, { MODEL_PATH, MODEL_NAME, ENGINE_PATH, API_KEYS: 'open-sesame' })
    const { page } = await open(t, browser, url)
    await page.getByText(/^(Starting|Loading the model)$/).waitFor()
    await page.getByText('Ready', { exact: true }).waitFor()

    await choose(page, 'a.png', await png())
    await ask(page, 'fault:slow')
    await page.getByLabel('API key').fill('open-sesame')
    await page.getByText('Copy the same request as').waitFor()
    await page.getByRole('button', { name: 'Ask', exact: true }).click()
    await page.getByText('a fake answer').waitFor()
    await screenshot(page, 'desktop-writing')
    await page.getByRole('button', { name: 'Stop' }).click()
    t.equal(await outcome(page), 'stopped')
    t.match(await page.locator('.turn:last-child .turn-state').textContent(), /^Stopped after/)
    t.match(await newestAnswer(page), /^a fake answer/, 'what was written stays')
    t.match(await page.locator('#code').textContent(), 'Authorization: Bearer YOUR_API_KEY')

    await ask(page, 'hello')
    await page.keyboard.press('Escape')
    t.equal(await outcome(page), 'stopped', 'Escape stops, too')
    await page.getByRole('button', { name: 'New conversation' }).click()
    await ask(page, 'hello')
    t.equal(await outcome(page), 'answered', 'the engine let go')
    await page.reload()
    t.equal(await page.getByLabel('API key').inputValue(), 'open-sesame', 'the tab keeps the key')
  })
})

function never(): never {
  throw new Error('no question')
}
