/**
 * The page at `/` as a person has it: Debian's Chromium. With SCREENSHOTS naming a folder, what it looks like is left there.
 */
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import axe from 'axe-core'
import { type Browser, chromium, type Page } from 'playwright-core'
import type { Test } from 'tap'

const executablePath = '/usr/bin/chromium'
const folder = process.env.SCREENSHOTS

export const desktop = { width: 1280, height: 800 }
export const phone = { width: 360, height: 740 }

/** For tests that need it: no browser, no test. */
export const skip = existsSync(executablePath) ? false : `no ${executablePath} here`

export const startBrowser = (args: string[] = []): Promise<Browser> =>
  chromium.launch({ executablePath, args })

/** A page of its own, with everything in it that no page should have: errors, and requests to anywhere else. */
export async function open(
  t: Test,
  browser: Browser,
  url: string,
  options: Parameters<Browser['newPage']>[0] = {},
) {
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

export async function choose(page: Page, name: string, buffer: Buffer): Promise<void> {
  await page.setInputFiles('#file', { name, mimeType: 'image/png', buffer })
  await page.getByText(name).first().waitFor()
  await page.locator('#frame[data-state=shown], #frame[data-state=unshown]').waitFor()
}

export type Chosen = { name: string; mimeType: string; buffer: Buffer }

/** As it comes from elsewhere: files, or texts by their type. */
export async function bring(
  page: Page,
  event: 'drop' | 'paste',
  files: Chosen[],
  texts: Record<string, string> = {},
) {
  const given = files.map(({ buffer, ...facts }) => ({ ...facts, base64: buffer.toString('base64') }))
  await page.evaluate(`
    const carrier = new DataTransfer()
    for (const { name, mimeType, base64 } of ${JSON.stringify(given)}) {
      const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))
      carrier.items.add(new File([bytes], name, { type: mimeType }))
    }
    for (const [type, text] of Object.entries(${JSON.stringify(texts)})) carrier.setData(type, text)
    const options = { bubbles: true, cancelable: true }
    if ('${event}' === 'drop')
      document.body.dispatchEvent(new DragEvent('drop', { ...options, dataTransfer: carrier }))
    else
      document.activeElement.dispatchEvent(new ClipboardEvent('paste', { ...options, clipboardData: carrier }))
  `)
}

export async function ask(page: Page, question: string): Promise<void> {
  await page.getByLabel('Question about the picture').fill(question)
  await page.getByRole('button', { name: 'Ask', exact: true }).click()
}

/** Waits for the end of the newest question. */
export async function outcome(page: Page): Promise<string | null> {
  const turn = page.locator('.turn:last-child[data-outcome]')
  await turn.waitFor()
  return turn.getAttribute('data-outcome')
}

export const newestAnswer = (page: Page) => page.locator('.turn:last-child .turn-answer').textContent()

export async function screenshot(page: Page, name: string): Promise<void> {
  if (!folder) return
  mkdirSync(folder, { recursive: true })
  await page.screenshot({ path: join(folder, `${name}.png`) })
}

/** Names, roles, order, focus: what a checker of accessibility can find. In the browser, so it is a text. */
const axeFaults = `${axe.source}
  axe.run().then(({ violations }) =>
    violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => id + ' ' + target.join(' '))))`

/** Texts whose contrast with the nearest ground behind them is below WCAG's AA, gradients too, where axe does not look. */
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

export async function checkLooks(t: Test, page: Page): Promise<void> {
  const { width } = page.viewportSize() ?? desktop
  t.equal(await page.evaluate('document.documentElement.scrollWidth'), width, 'no scrolling to the side')
  t.strictSame(await page.evaluate(paleTexts), [], 'every text stands out')
  t.strictSame(await page.evaluate(axeFaults), [], 'axe finds no fault')
}
