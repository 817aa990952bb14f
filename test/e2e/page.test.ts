/**
 * The page at `/` as a person has it: Debian's Chromium against the real service. With SCREENSHOTS naming a folder, what
 * it looks like is left there.
 */
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { encodeScene } from '../../models/drawings/pictures.ts'
import { heldOutQuestions } from '../../models/drawings/questions.ts'
import { fakeEngineConfig } from '../support/fake-engine.ts'
import { png, twoColours } from '../support/images.ts'
import { healthyService, infer, type RunningService, runService } from '../support/service.ts'

const executablePath = '/usr/bin/chromium'
const folder = process.env.SCREENSHOTS
const desktop = { width: 1280, height: 800 }
const phone = { width: 360, height: 740 }

let browser: Browser

/** A page of its own, with everything in it that no page should have: errors, and requests to anywhere else. */
async function open(t: Test, url: string, options: Parameters<Browser['newPage']>[0] = {}) {
  const page = await browser.newPage({ viewport: desktop, ...options })
  t.teardown(() => page.close())
  const complaints: string[] = []
  const outside: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('request', (request) => {
    if (!/^(blob|data):/.test(request.url()) && !request.url().startsWith(url)) outside.push(request.url())
  })
  await page.goto(url)
  return { page, complaints, outside }
}

async function choose(page: Page, name: string, buffer: Buffer): Promise<void> {
  await page.setInputFiles('#file', { name, mimeType: 'image/png', buffer })
  await page.getByText(name).first().waitFor()
  await page.locator('#frame[data-state=shown], #frame[data-state=unshown]').waitFor()
}

async function ask(page: Page, question: string): Promise<void> {
  await page.getByLabel('Question about the picture').fill(question)
  await page.getByRole('button', { name: 'Ask', exact: true }).click()
}

/** Waits for the end of the newest question. */
async function outcome(page: Page): Promise<string | null> {
  const turn = page.locator('.turn:last-child[data-outcome]')
  await turn.waitFor()
  return turn.getAttribute('data-outcome')
}

const newestAnswer = (page: Page) => page.locator('.turn:last-child .turn-answer').textContent()

async function screenshot(page: Page, name: string): Promise<void> {
  if (!folder) return
  mkdirSync(folder, { recursive: true })
  await page.screenshot({ path: join(folder, `${name}.png`) })
}

/** Interactive roles without a name stand in the tree as `- button`, others as `- button "Ask"`. */
async function namelessControls(page: Page): Promise<string[]> {
  const tree = await page.locator('body').ariaSnapshot()
  const roles = /^\s*- (button|textbox|spinbutton|radio|link|img)\b(?! ")/
  return tree.split('\n').filter((line) => roles.test(line))
}

/** Texts whose contrast with the nearest ground behind them is below WCAG's AA. In the browser, so it is a text. */
const paleTexts = `(() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true })
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1)
    canvas.fillStyle = colour
    canvas.fillRect(0, 0, 1, 1)
    return [...canvas.getImageData(0, 0, 1, 1).data]
  }
  const light = ([...channels]) => channels.slice(0, 3)
    .map((value) => value / 255)
    .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
    .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0)
  const groundOf = (element) => {
    const ground = rgba(getComputedStyle(element).backgroundColor)
    return ground[3] === 255 || !element.parentElement ? ground : groundOf(element.parentElement)
  }
  const hasText = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim())
  return [...document.body.querySelectorAll('*')]
    .filter((element) => element.checkVisibility() && hasText(element))
    .map((element) => {
      const [high, low] = [light(rgba(getComputedStyle(element).color)), light(groundOf(element))].sort((a, b) => b - a)
      return [(high + 0.05) / (low + 0.05), element.textContent.trim()]
    })
    .filter(([contrast]) => contrast < 4.5)
    .map(([contrast, text]) => contrast.toFixed(1) + ' ' + text)
})()`

async function checkLooks(t: Test, page: Page): Promise<void> {
  const { width } = page.viewportSize() ?? desktop
  t.equal(await page.evaluate('document.documentElement.scrollWidth'), width, 'no scrolling to the side')
  t.strictSame(await page.evaluate(paleTexts), [], 'every text stands out')
  t.strictSame(await namelessControls(page), [], 'every control has a name')
}

t.test('the page', { skip: existsSync(executablePath) ? false : `no ${executablePath} here` }, async (t) => {
  let service: RunningService
  t.before(async () => {
    browser = await chromium.launch({ executablePath })
    service = await healthyService(t)
  })
  t.teardown(() => browser?.close())

  await t.test('answers, again about the same picture, and tells how long it took', async (t) => {
    const { page, complaints, outside } = await open(t, service.url)
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

    for (const prompt of ['Describe this image in detail', question]) {
      await ask(page, prompt)
      t.equal(await outcome(page), 'answered')
      const { body } = await infer(service.url, {
        prompt,
        image: image.toString('base64'),
        temperature: 0,
      })
      t.equal(await newestAnswer(page), body.response_text)
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

  await t.test('tells what is wrong with a broken file', async (t) => {
    const { page } = await open(t, service.url)
    await choose(page, 'broken.png', (await png()).subarray(0, 70))
    await ask(page, 'What is this?')
    t.equal(await outcome(page), 'failed')
    t.match(await page.locator('.turn-hint').textContent(), /corrupt or cut off/)
    t.equal(await page.getByLabel('Question about the picture').inputValue(), 'What is this?', 'to ask again')
    await screenshot(page, 'desktop-broken')
    await choose(page, 'photo.heic', Buffer.from('no picture that a browser knows'))
    await page.getByText('This browser can’t show the file').waitFor()
  })

  await t.test('scales a large picture down before it sends it', async (t) => {
    const { page } = await open(t, service.url)
    const large = await twoColours(5000, 2500).png().toBuffer()
    await choose(page, 'large.png', large)
    await page
      .locator('#caption')
      .getByText(/Sent as a JPEG of 4096\s×\s2048/)
      .waitFor()
    await ask(page, 'What colour is it?')
    t.equal(await outcome(page), 'answered')
  })

  await t.test('takes a picture that is dropped or pasted', async (t) => {
    const { page } = await open(t, service.url)
    const base64 = (await png()).toString('base64')
    for (const [event, carrier] of [
      ['drop', 'dataTransfer'],
      ['paste', 'clipboardData'],
    ]) {
      await page.evaluate(`
        const bytes = Uint8Array.from(atob('${base64}'), (letter) => letter.charCodeAt(0))
        const files = new DataTransfer()
        files.items.add(new File([bytes], 'by-${event}.png', { type: 'image/png' }))
        const Kind = '${event}' === 'drop' ? DragEvent : ClipboardEvent
        document.body.dispatchEvent(new Kind('${event}', { bubbles: true, cancelable: true, ${carrier}: files }))
      `)
      await page.locator('#caption').getByText(`by-${event}.png`).waitFor()
    }
  })

  await t.test('needs no mouse', async (t) => {
    const { page } = await open(t, service.url)
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
    t.equal(reached[0], 'Describe this image in detail', 'the focus went on with the picture')
    await page.keyboard.type('What colour is it?')
    await page.keyboard.press('Control+Enter')
    t.equal(await outcome(page), 'answered')
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
        const { page } = await open(t, service.url, { viewport, colorScheme, reducedMotion: 'reduce' })
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
    const { page } = await open(t, url)
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
    t.equal(await outcome(page), 'answered', 'the engine let go')
    await page.reload()
    t.equal(await page.getByLabel('API key').inputValue(), 'open-sesame', 'the tab keeps the key')
  })
})

function never(): never {
  throw new Error('no question')
}
