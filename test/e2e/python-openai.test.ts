/** OpenAI's Python client, unmodified. Skipped where it is not installed: CI puts it into a virtual environment. */
import { execFile } from 'node:child_process'
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { packageRoot } from '../../src/config.ts'
import { png } from '../support/images.ts'
import { pythonWith } from '../support/python.ts'
import { healthyService } from '../support/service.ts'

const run = promisify(execFile)
/** Prints one line of JSON for each thing that it did. */
const program = `
import json, sys
import openai

url, image = sys.argv[1], sys.argv[2]
client = openai.OpenAI(base_url=url + "/v1", api_key="none", max_retries=0)
messages = [{"role": "user", "content": [
    {"type": "text", "text": "What colour is it?"},
    {"type": "image_url", "image_url": {"url": "data:image/png;base64," + image}},
]}]
say = lambda **words: print(json.dumps(words), flush=True)

answer = client.chat.completions.create(model="demo", messages=messages, temperature=0)
say(text=answer.choices[0].message.content, tokens=answer.usage.total_tokens)

pieces = client.chat.completions.create(model="demo", messages=messages, temperature=0, stream=True)
say(stream="".join(chunk.choices[0].delta.content or "" for chunk in pieces))

long = {"type": "json_schema", "json_schema": {"name": "long", "schema": {"type": "string", "minLength": 1500}}}
with client.chat.completions.create(model="demo", messages=messages, max_tokens=900, response_format=long, stream=True) as cut:
    for chunk in cut:
        if chunk.choices[0].delta.content:
            break
say(cancelled=True)

try:
    client.chat.completions.create(model="gpt-5", messages=messages)
except openai.NotFoundError as error:
    say(error=error.code, message=error.body["message"])

say(models=[model.id for model in client.models.list()])
`

const python = await pythonWith('openai')
const skip = python === undefined && "OpenAI's Python client is not installed (pip install openai)"

t.test('a question, a stream, a cancel, an error', { skip }, async (t) => {
  const { url } = await healthyService(t)
  const file = join(t.testdir({}), 'program.py')
  writeFileSync(file, program)
  const image = (await png()).toString('base64')
  const { stdout } = await run(python ?? '', [file, url, image])
  const transcript = process.env.CLIENTS_TRANSCRIPT
  if (transcript) appendFileSync(transcript, stdout.replace(/^(?=.)/gm, 'openai (Python): '))
  const [answer, stream, ...rest] = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  t.match(answer, { text: /red|blue/ })
  t.equal(stream.stream, answer.text)
  t.match(rest, [
    { cancelled: true },
    { error: 'model_not_found', message: /gpt-5 is not loaded/ },
    { models: ['demo'] },
  ])
  const figures = await (await fetch(`${url}/metrics`)).text()
  t.match(figures, /questions_total\{door="openai",outcome="client_gone"\} 1/)
})

t.test('the example of the documentation', { skip }, async (t) => {
  const { url } = await healthyService(t)
  const page = readFileSync(join(packageRoot, 'docs/clients.md'), 'utf8')
  const example = /```python\n(from openai[\s\S]*?)```/.exec(page)?.[1] ?? ''
  const file = join(t.testdir({}), 'example.py')
  const image = (await png()).toString('base64')
  writeFileSync(file, `image_base64 = "${image}"\n${example.replace('http://localhost:5000', url)}`)
  const { stdout } = await run(python ?? '', [file])
  t.match(stdout, /\w/)
})
