/** What a browser sends when a page of strangers tries to use the service: Debian's Chromium, and no model. */
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pino } from 'pino'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { startService } from '../../src/cli/serve.ts'
import { fakeEngineConfig } from '../support/fake-engine.ts'
import { png } from '../support/images.ts'
import { untilHealthy } from '../support/service.ts'

const executablePath = '/usr/bin/chromium'

/** Texts for the browser, each with what it should come to. `service` is where it is asked. */
const attacks: Record<string, string> = {
  'a form with a file': `
    const form = document.createElement('form')
    Object.assign(form, { method: 'post', enctype: 'multipart/form-data', action: service + '/infer' })
    form.innerHTML = '<input name=prompt value=hello><input name=image value=AAAA>'
    document.body.append(form)
    form.submit()`,
  'a form of plain text': `
    const form = document.createElement('form')
    Object.assign(form, { method: 'post', enctype: 'text/plain', action: service + '/api/generate' })
    document.body.append(form)
    form.submit()`,
  'a fetch that wants no answer': `
    fetch(service + '/api/generate', { method: 'POST', mode: 'no-cors', body: new URLSearchParams('a') })`,
  'a fetch that wants one': `fetch(service + '/infer', { method: 'POST', body: '{}' })`,
  'a fetch that is asked for first': `
    fetch(service + '/infer', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' })`,
  'a beacon': `navigator.sendBeacon(service + '/infer', new FormData())`,
  'a picture': `document.body.append(Object.assign(new Image(), { src: service + '/icon.svg' }))`,
  'a script': `document.body.append(Object.assign(document.createElement('script'), { src: service + '/page.js' }))`,
  'a frame': `
    document.body.append(Object.assign(document.createElement('iframe'), { src: service + '/docs' }))`,
  'a sandboxed frame': `
    const frame = Object.assign(document.createElement('iframe'), { sandbox: 'allow-scripts' })
    frame.srcdoc = '<script>fetch("' + service + '/infer", { method: "POST", mode: "no-cors", body: "{}" })</' + 'script>'
    document.body.append(frame)`,
}

/** A page of somebody else; its names are made to lead to this machine. */
async function elsewhere(t: Test): Promise<number> {
  const server = createServer((_request, response) =>
    response
      .writeHead(200, { 'content-type': 'text/html' })
      .end('<!doctype html><link rel=icon href=data:,>'),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

/** The service, and what was answered since the last call of `answered`, once it has answered something. */
async function service(t: Test, env: Record<string, string> = {}) {
  const { app, url, stop } = await startService(
    fakeEngineConfig(t.testdir(), '', env),
    pino({ level: 'silent' }),
  )
  t.teardown(stop)
  await untilHealthy(url)
  const seen: string[] = []
  let heard = () => {}
  app.server.on('request', (request, response) => {
    // The browser asks for it of itself, when it likes, once it shows an answer.
    if (request.url === '/favicon.ico') return
    response.on('finish', () => {
      seen.push(`${response.statusCode} ${request.method} ${request.url}`)
      heard()
    })
  })
  return {
    port: new URL(url).port,
    async answered(): Promise<string[]> {
      if (seen.length === 0) await new Promise<void>((resolve) => (heard = resolve))
      return seen.splice(0)
    },
  }
}

const tell = (page: Page, service: string, attack: string) =>
  page.evaluate(`{ const service = ${JSON.stringify(service)}; ${attack}; undefined }`)

t.test('browsers', { skip: existsSync(executablePath) ? false : `no ${executablePath} here` }, async (t) => {
  let browser: Browser
  let context: BrowserContext
  t.before(async () => {
    browser = await chromium.launch({
      executablePath,
      args: ['--host-resolver-rules=MAP *.example 127.0.0.1'],
    })
    context = await browser.newContext()
  })
  t.teardown(() => browser?.close())

  await t.test('a page elsewhere reaches nothing, from the same machine or another site', async (t) => {
    const { port, answered } = await service(t)
    const other = await elsewhere(t)
    for (const from of [`http://localhost:${other}`, `http://127.0.0.1:${other}`]) {
      for (const [name, attack] of Object.entries(attacks)) {
        const page = await context.newPage()
        await page.goto(from)
        await tell(page, `http://127.0.0.1:${port}`, attack)
        for (const answer of await answered()) t.match(answer, /^403 /, `${name} on ${from}: ${answer}`)
        await page.close()
      }
    }
  })

  await t.test('nor over plain HTTP in a network, where browsers tell less', async (t) => {
    const { port, answered } = await service(t, { ALLOWED_HOSTS: 'vision.example' })
    const other = await elsewhere(t)
    for (const name of Object.keys(attacks).filter((name) => /form|fetch|beacon|sandboxed/.test(name))) {
      const page = await context.newPage()
      await page.goto(`http://page.example:${other}`)
      await tell(page, `http://vision.example:${port}`, attacks[name] ?? '')
      for (const answer of await answered()) t.match(answer, /^403 /, `${name}: ${answer}`)
      await page.close()
    }
  })

  await t.test('a name that was made to lead here is not answered', async (t) => {
    const { port, answered } = await service(t)
    const page = await context.newPage()
    const response = await page.goto(`http://rebound.example:${port}/`)
    t.equal(response?.status(), 421)
    t.match(await page.content(), /rebound\.example/)
    const read = `fetch('/health').then((response) => response.status)`
    t.equal(await page.evaluate(read), 421)
    await answered()
    await page.close()
  })

  await t.test('the own page works under every name, and links lead to it', async (t) => {
    const { port } = await service(t, { ALLOWED_HOSTS: 'vision.example' })
    const other = await elsewhere(t)
    const page = await context.newPage()
    for (const host of ['127.0.0.1', 'localhost', 'vision.example']) {
      await page.goto(`http://localhost:${other}`)
      const url = `http://${host}:${port}/`
      await tell(page, url, `document.body.innerHTML = '<a href="' + service + '">there</a>'`)
      await page.getByText('there').click()
      await page.getByText('Ready', { exact: true }).waitFor()
      t.equal(page.url(), url)
      await page.setInputFiles('#file', { name: 'a.png', mimeType: 'image/png', buffer: await png() })
      await page.locator('#frame[data-state=shown]').waitFor()
      await page.getByLabel('Question about the picture').fill('hello')
      await page.getByRole('button', { name: 'Ask', exact: true }).click()
      await page.locator('.turn[data-outcome=answered]').waitFor()
      await page.goto(`${url}docs`)
      await page.getByText('/livez').click()
      await page.getByRole('button', { name: 'Try it out' }).click()
      await page.getByRole('button', { name: 'Execute' }).click()
      await page.getByText('"alive"').first().waitFor()
    }
    await page.close()
  })

  await t.test('a page whose origin is listed may ask', async (t) => {
    const other = await elsewhere(t)
    const { port } = await service(t, { CORS_ORIGINS: `http://localhost:${other}` })
    const page = await context.newPage()
    await page.goto(`http://localhost:${other}`)
    const body = JSON.stringify({ prompt: 'hello', image: (await png()).toString('base64') })
    const answer = await page.evaluate(`
      fetch('http://127.0.0.1:${port}/infer', {
        method: 'POST', headers: { 'content-type': 'application/json' }, body: ${JSON.stringify(body)},
      }).then((response) => response.json())`)
    t.match(answer, { response_text: 'a fake answer' })
    await page.close()
  })
})
