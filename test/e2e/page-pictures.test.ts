/** The pictures of the page at `/`, against the real service: what it takes, what it tells of the rest, what it keeps. */
import type { Browser, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { pdf, png, twoColours } from '../support/images.ts'
import {
  ask,
  bring,
  type Chosen,
  checkLooks,
  choose,
  newestAnswer,
  open,
  outcome,
  screenshot,
  skip,
  startBrowser,
} from '../support/page.ts'
import { healthyService, type RunningService } from '../support/service.ts'

const picture = async (name: string): Promise<Chosen> => ({
  name,
  mimeType: 'image/png',
  buffer: await png(),
})

const shownNames = (page: Page): Promise<string[]> =>
  page.evaluate(`[...document.querySelectorAll('.thumb-open')].map((one) => one.getAttribute('aria-label'))`)

t.test('the pictures of the page', { skip }, async (t) => {
  let browser: Browser
  let service: RunningService
  t.before(async () => {
    browser = await startBrowser()
    service = await healthyService(t, { MAX_IMAGES: '3', MAX_BODY_MIB: '2' })
  })
  t.teardown(() => browser?.close())

  const ready = async (t: Test, options: Parameters<typeof open>[3] = {}) => {
    const opened = await open(t, browser, service.url, options)
    await opened.page.getByText('Ready', { exact: true }).waitFor()
    return opened
  }
  const refused = (page: Page, sentence: string | RegExp) =>
    page.locator('#refused').getByText(sentence).waitFor()

  await t.test('takes pictures that are dropped or pasted, as many as a question may have', async (t) => {
    const { page, complaints, outside } = await ready(t)
    await bring(page, 'drop', [await picture('a.png'), await picture('b.png')])
    await page.locator('.thumb').nth(1).waitFor()
    await bring(page, 'paste', [await picture('c.png'), await picture('d.png')])
    await refused(page, 'd.png is one too many: a question takes 3 pictures.')
    t.strictSame(await shownNames(page), ['Show a.png', 'Show b.png', 'Show c.png'])
    await page.locator('#outlook').getByText('The model sees 3 pictures').waitFor()
    await ask(page, 'What colour is it?')
    t.equal(await outcome(page), 'answered')
    t.match(await page.locator('#code').textContent(), /image=@a.png.*\n.*image=@b.png.*\n.*image=@c.png/)

    await page.getByRole('button', { name: 'Remove b.png' }).click()
    t.strictSame(await shownNames(page), ['Show a.png', 'Show c.png'])
    t.ok(await page.getByRole('button', { name: 'New conversation' }).isHidden(), 'it is another one')
    await ask(page, 'What colour is it?')
    t.equal(await outcome(page), 'answered')
    t.strictSame(await page.locator('.subject').allTextContents(), [
      'About a.png, b.png, c.png',
      'About a.png, c.png',
    ])

    await bring(page, 'drop', [await picture('e.png')])
    await page.locator('#caption').getByText('e.png').waitFor()
    t.strictSame(await shownNames(page), [], 'after the talk, a new one stands alone')
    t.strictSame(complaints, [])
    t.strictSame(outside, [])
  })

  await t.test('tells why something is not taken', async (t) => {
    const { page } = await ready(t)
    const file = (name: string, mimeType: string, buffer = Buffer.from('what it holds')) => ({
      name,
      mimeType,
      buffer,
    })
    await bring(page, 'drop', [file('notes.txt', 'text/plain'), file('film.mp4', 'video/mp4')])
    await refused(page, 'notes.txt is no picture or PDF, but text/plain.')
    await refused(page, 'film.mp4 is no picture or PDF, but video/mp4.')
    await bring(page, 'drop', [file('much.heic', '', Buffer.alloc(2_000_000))])
    await refused(page, 'much.heic is too large: a request holds 1.6\u00a0MB of pictures.')
    await bring(page, 'drop', [file('broken.png', 'image/png', (await png()).subarray(0, 70))])
    await refused(page, /^broken.png was not taken. .* corrupt or cut off/)
    await bring(page, 'drop', [file('letters', ''), await picture('good.png')])
    await refused(page, /^letters was not taken. .* does not hold a picture/)
    await checkLooks(t, page)
    await screenshot(page, 'desktop-refused')
    await page.locator('#outlook').getByText('The model sees').waitFor()
    await ask(page, 'What colour is it?')
    t.equal(await outcome(page), 'answered', 'what is good stays')
    t.strictSame(await page.locator('.subject').allTextContents(), ['About good.png'])
  })

  await t.test('tells of an address that nothing is fetched from here', async (t) => {
    const { page, outside } = await ready(t)
    const sentence = /This service fetches no pictures from addresses: save the picture/
    const link = 'https://pictures.example/a/llama.png'
    await bring(page, 'drop', [], { 'text/uri-list': link })
    await refused(page, sentence)
    t.match(await page.locator('#refused').textContent(), /^llama.png was not taken/)
    await bring(page, 'drop', [], {
      'text/uri-list': 'https://pictures.example/page.html',
      'text/html': '<a href="page.html"><img src="https://pictures.example/of-the-link.png"></a>',
    })
    await refused(page, /^of-the-link.png was not taken/)
    await bring(page, 'paste', [], { 'text/plain': `${link}?pasted` })
    await refused(page, /^llama.png was not taken/)
    for (const odd of ['ftp://pictures.example/llama.png', 'http://', 'blob:x']) {
      await bring(page, 'drop', [], { 'text/uri-list': link })
      await refused(page, sentence)
      await bring(page, 'drop', [], { 'text/uri-list': odd })
      await refused(page, 'What was dropped is no picture.')
    }
    await bring(page, 'drop', [], { 'text/uri-list': 'data:image/png;base64,###' })
    await refused(page, 'picture was not taken. Its data URL cannot be read.')
    const own = `data:image/png;base64,${(await png()).toString('base64')}`
    await bring(page, 'drop', [], { 'text/html': `<img src="${own}">`, 'text/uri-list': own })
    await page.locator('#frame[data-state=shown]').waitFor()
    t.strictSame(outside, [], 'nor does the page')
  })

  await t.test('shows what a browser can’t as the model sees it, and pages of a PDF', async (t) => {
    const { page } = await ready(t)
    const tiff = await twoColours().tiff().toBuffer()
    await bring(page, 'drop', [{ name: 'scan.tif', mimeType: 'image/tiff', buffer: tiff }])
    await page.locator('#preview[src^="data:image/"]').waitFor()
    await page.getByRole('button', { name: 'Forget all' }).click()

    await bring(page, 'drop', [{ name: 'letter.pdf', mimeType: 'application/pdf', buffer: pdf(3) }])
    await page.locator('#preview[alt="Chosen picture: letter.pdf, page 1"][src^="data:image/"]').waitFor()
    await page.getByLabel('Pages to look at').fill('2')
    await page.getByLabel('Pages to look at').press('Tab')
    await page.getByRole('button', { name: 'Show letter.pdf, page 2' }).click()
    await page.locator('#preview[alt="Chosen picture: letter.pdf, page 2"][src^="data:image/"]').waitFor()
    await page.locator('#outlook').getByText('The model sees 2 pictures').waitFor()
    t.match(await page.locator('#code').textContent(), /-F pdf_pages=2/)
    await checkLooks(t, page)
    await screenshot(page, 'desktop-pages')
    await ask(page, 'What colour is it?')
    t.equal(await outcome(page), 'answered')
  })

  await t.test(
    'keeps pictures and talk over a reload and a closed tab, until they are forgotten',
    async (t) => {
      const context = await browser.newContext()
      t.teardown(() => context.close())
      const page = await context.newPage()
      await page.goto(service.url)
      await choose(page, 'kept.png', await png())
      await ask(page, 'What colour is it?')
      t.equal(await outcome(page), 'answered')
      const answer = await newestAnswer(page)
      const again = async (page: Page) => {
        await page.locator('.turn[data-outcome=answered]').first().waitFor()
        await page.locator('#frame[data-state=shown]').waitFor()
        t.equal(await newestAnswer(page), answer)
      }
      await page.reload()
      await again(page)
      await page.close()
      const later = await context.newPage()
      await later.goto(service.url)
      await again(later)
      const request = later.waitForRequest((one) => one.url().endsWith('/infer'))
      await ask(later, 'Are you sure?')
      t.match(JSON.parse((await request).postData() ?? ''), {
        history: [{ prompt: 'What colour is it?', response_text: answer }],
      })
      t.equal(await outcome(later), 'answered')

      await later.getByRole('button', { name: 'Forget all' }).click()
      await later.locator('#frame[data-state=empty]').waitFor()
      await later.reload()
      await later.getByText('Ready', { exact: true }).waitFor()
      t.equal(await later.locator('.turn').count(), 0)
      t.ok(await later.locator('#frame[data-state=empty]').isVisible())
      const left = `new Promise((resolve) => {
      indexedDB.open('llama-vision').onsuccess = ({ target }) => {
        const { result } = target
        result.transaction('tabs').objectStore('tabs').count().onsuccess = ({ target }) => resolve(target.result)
      }
    })`
      t.equal(await later.evaluate(left), 0)
    },
  )

  await t.test('works where a browser keeps nothing', async (t) => {
    const context = await browser.newContext()
    t.teardown(() => context.close())
    await context.addInitScript(`
      for (const name of ['indexedDB', 'sessionStorage'])
        Object.defineProperty(window, name, { get() { throw new DOMException('no', 'SecurityError') } })
    `)
    const page = await context.newPage()
    const errors: string[] = []
    page.on('pageerror', ({ message }) => errors.push(message))
    await page.goto(service.url)
    await choose(page, 'a.png', await png())
    await ask(page, 'What colour is it?')
    t.equal(await outcome(page), 'answered')
    await page.getByRole('button', { name: 'Forget all' }).click()
    await page.locator('#frame[data-state=empty]').waitFor()
    t.strictSame(errors, [])
  })
})
