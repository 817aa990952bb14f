/** The OpenAPI document is valid, and what it shows as examples works. */
import { Validator } from '@seriousme/openapi-schema-validator'
import t from 'tap'
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
  t.equal(sent, 9)
})
