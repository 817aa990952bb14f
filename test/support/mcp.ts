/** The Model Context Protocol's own client, and a slot that is taken while it asks. */
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import type { Test } from 'tap'
import { redSquare } from '../../src/plain-squares.ts'
import { untilInside } from './service.ts'

export const colour = 'What colour is it?'

/** The client with its greeting behind it; goes with the test. */
export async function connected(t: Test, transport: Transport): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' })
  await client.connect(transport)
  t.teardown(() => client.close())
  return client
}

type Told = { isError: boolean; text: string }

type Options = Parameters<Client['callTool']>[2]

export async function look(client: Client, given: Record<string, unknown>, options?: Options): Promise<Told> {
  const result = await client.callTool({ name: 'look', arguments: given }, undefined, options)
  const content = result.content as { type: string; text: string }[]
  return { isError: result.isError === true, text: content.map(({ text }) => text).join('|') }
}

/** Takes the one slot until the test ends it. */
export async function occupied(t: Test, url: string): Promise<() => Promise<void>> {
  const caller = new AbortController()
  const json_schema = { type: 'array', minItems: 20, items: { type: 'string', minLength: 1500 } }
  const { body } = await fetch(`${url}/infer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: colour, image: redSquare, json_schema, max_tokens: 8000, stream: true }),
    signal: caller.signal,
  })
  const leave = async () => {
    caller.abort()
    await untilInside(url, 0)
  }
  t.teardown(leave)
  const events = body?.pipeThrough(new TextDecoderStream()).values({ preventCancel: true })
  let heard = ''
  // Who only prepares a picture has no slot yet.
  for await (const text of events ?? []) {
    heard += text
    if (heard.includes('event: token')) return leave
  }
  throw new Error(`The slot was not taken: ${heard}`)
}
