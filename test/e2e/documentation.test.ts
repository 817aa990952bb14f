/** The OpenAPI document is valid, what it shows as examples works, and its page shows it under any name. */
import { existsSync } from 'node:fs'
import { Validator } from '@seriousme/openapi-schema-validator'
import { chromium } from 'playwright-core'
import t from 'tap'
import { png } from '../support/images.ts'
import { healthyService } from '../support/service.ts'

/** OpenAPI has one example or several with names. */
type Content = { example?: unknown; examples?: Record<string, { value: unknown }> }
type Operation = { requestBody?: { content: Record<string, Content> } }

function examplesOf({ example, examples = {} }: Content): unknown[] {
  return example === undefined ? Object.values(examples).map(({ value }) => value) : [example]
}

t.test('the document is valid, and every example in it is answered', async (t) => {
  const { url } = await healthyService(t)
  const document = (await (await fetch(`${url}/docs/json`)).json()) as {
    paths: Record<string, Record<string, Operation>>
  }
  const { valid, errors } = await new Validator().validate(document)
  t.ok(valid, JSON.stringify(errors))
  let sent = 0
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const [method, { requestBody }] of Object.entries(operations)) {
      const examples = examplesOf(requestBody?.content['application/json'] ?? {})
      if (requestBody) t.ok(examples.length > 0, `${path} has an example`)
      for (const example of examples) {
        const response = await fetch(`${url}${path}`, {
          method,
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(example),
        })
        const answer = await response.text()
        t.equal(response.status, 200, `${path}: ${answer.slice(0, 200)}`)
        sent += 1
      }
    }
  }
  t.equal(sent, 12)
})

const executablePath = '/usr/bin/chromium'
const skip = existsSync(executablePath) ? false : `no ${executablePath} here`

t.test(
  'the page sends a form and a bare picture, over plain HTTP by a name that is not localhost',
  { skip },
  async (t) => {
    const { url } = await healthyService(t)
    const { port } = new URL(url)
    const args = ['--host-resolver-rules=MAP some-host 127.0.0.1']
    const browser = await chromium.launch({ executablePath, args })
    t.teardown(() => browser.close())
    const page = await browser.newPage()
    const complaints: string[] = []
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('request', (request) => {
      const address = request.url()
      if (!/^(data|blob):/.test(address) && new URL(address).host !== `some-host:${port}`)
        complaints.push(address)
    })
    await page.goto(`http://some-host:${port}/docs#/default/post_infer`)
    await page.getByRole('button', { name: 'Try it out' }).click()
    const picture = { name: 'red.png', mimeType: 'image/png', buffer: await png() }
    const operation = page.locator('#operations-default-post_infer')
    const answer = operation.locator('.live-responses-table .response').first()
    const choose = (type: string) => operation.getByLabel('Request content type').selectOption(type)

    await choose('image/*')
    await operation.locator('tr[data-param-name=prompt] input').fill('What colour is it?')
    await operation.locator('input[type=file]').setInputFiles(picture)
    await operation.getByRole('button', { name: 'Execute' }).click()
    t.match(await answer.textContent(), /^200[\s\S]*"success": true/)

    await operation.getByRole('button', { name: 'Clear' }).click()
    await choose('multipart/form-data')
    await operation.locator('tr[data-property-name=prompt] input').fill('What colour is it?')
    await operation.locator('tr[data-property-name=image] input[type=file]').setInputFiles(picture)
    await operation.getByRole('button', { name: 'Execute' }).click()
    t.match(await answer.textContent(), /^200[\s\S]*"success": true/)
    t.same(complaints, [])
  },
)
