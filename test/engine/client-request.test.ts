/** What the engine is really asked, byte by byte, whatever strangers put into their requests. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { createEngineClient } from '../../src/engine/client.ts'
import type { ChatBody } from '../../src/engine/wire.ts'

/** A client whose engine keeps what it was asked and counts seven tokens. */
async function recorded(t: Test) {
  const folder = mkdtempSync(join(tmpdir(), 'client-'))
  const socket = join(folder, 'engine.sock')
  const asked: string[] = []
  const server = createServer(async (request, response) => {
    asked.push(await text(request))
    response.end('{"input_tokens":7}')
  })
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  const client = createEngineClient(socket)
  t.teardown(async () => {
    await client.close()
    server.close()
    rmSync(folder, { recursive: true })
  })
  return {
    ask: async (body: ChatBody): Promise<Record<string, unknown>> => {
      await client.countTokens(body, new AbortController().signal)
      return JSON.parse(asked.at(-1) ?? '')
    },
  }
}

const picture = { type: 'image_url' as const, image_url: { url: 'data:image/png;base64,AAAA' } }

const bodyWith = (schema: object, question = 'What?'): ChatBody => ({
  messages: [{ role: 'user', content: [picture, { type: 'text', text: question }] }],
  max_tokens: 1,
  temperature: 0,
  response_format: { type: 'json_schema', json_schema: { name: 'answer', schema } },
})

t.test('a schema may hold the keys and values of a picture, and stays what it is', async (t) => {
  const { ask } = await recorded(t)
  const injected = { image_url: { url: 'http://10.0.0.1/"}}],"max_tokens":9,"x":"' } }
  for (const schema of [
    { type: 'object', properties: { url: { type: 'string' } } },
    { type: 'object', properties: {}, url: 'x"},"stream":false,"y":{"z":"' },
    { type: 'string', examples: [{ type: 'image_url', ...injected }] },
  ]) {
    const body = bodyWith(schema)
    t.same(await ask(body), {
      ...body,
      stream: true,
      stream_options: { include_usage: true },
      return_progress: true,
    })
  }
})

t.test('pictures go where they were, between whatever texts', async (t) => {
  const { ask } = await recorded(t)
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary' }), fc.object(), async (question, schema) => {
      const body = bodyWith(schema, question)
      const { messages, response_format } = await ask(body)
      const sent = JSON.parse(JSON.stringify(body))
      t.same(
        { messages, response_format },
        { messages: sent.messages, response_format: sent.response_format },
      )
    }),
    { numRuns: 30 },
  )
})
