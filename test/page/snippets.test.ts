/** The code that the page offers to copy asks what the page asks, whatever is in the question or the file's name. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'

type Request = {
  url: string
  files: string[]
  prompt: string
  history: { prompt: string; response_text: string }[]
  max_tokens: number
  temperature: number
  image_detail: string
  pdf_pages?: number
  needsKey: boolean
}
type Language = 'curl' | 'python' | 'javascript'

const location = new URL('../../src/page/snippets.js', import.meta.url)
const { snippets }: { snippets: Record<Language, (request: Request) => string> } = await import(location.href)

const picture = 'bytes of a picture'
const plain: Omit<Request, 'url'> = {
  files: ['photo.jpg'],
  prompt: 'What is this?',
  history: [],
  max_tokens: 64,
  temperature: 0.2,
  image_detail: 'low',
  needsKey: false,
}
const requests = [
  plain,
  { ...plain, needsKey: true },
  { ...plain, prompt: `It's "quoted" \\ $HOME \`id\` %s !\n\n{"a": 1} 🦙 \u2028 </script>` },
  { ...plain, prompt: '@photo.jpg' },
  { ...plain, prompt: '<photo.jpg' },
  { ...plain, prompt: '"a" or b; type=text/html' },
  { ...plain, prompt: '(colours)' },
  { ...plain, files: [`it's "the best", photo;1 of \\2 $HOME.jpg`] },
  { ...plain, files: ['a.pdf', 'b b.jpg', `it's "c".png`], pdf_pages: 3 },
  {
    ...plain,
    history: [
      { prompt: '@a "quoted"; b', response_text: `It's\n<b>\\ $HOME` },
      { prompt: 'And?', response_text: 'None: null, true' },
    ],
  },
]

/** How each language runs a file of its code in a folder. The shell's code needs curl, Python's a module of its own. */
const runners: Record<
  Language,
  { file: string; command: [string, ...string[]]; needs: [string, ...string[]] }
> = {
  curl: { file: 'ask.sh', command: ['sh', 'ask.sh'], needs: ['curl', '--version'] },
  python: { file: 'ask.py', command: ['python3', 'ask.py'], needs: ['python3', '--version'] },
  javascript: { file: 'ask.mjs', command: [process.execPath, 'ask.mjs'], needs: [process.execPath, '-v'] },
}

/** Stands in for the package of that name, which a machine need not have. */
const requestsModule = `import json, urllib.request
class Answer:
    def __init__(self, body): self.body = body
    def json(self): return json.loads(self.body)
def post(url, json, headers={}):
    body = __import__("json").dumps(json).encode()
    headers = {"Content-Type": "application/json", **headers}
    return Answer(urllib.request.urlopen(urllib.request.Request(url, body, headers)).read())
`

const run = promisify(execFile)
const { PATH = '' } = process.env

for (const [language, { file, command, needs }] of Object.entries(runners) as [
  Language,
  typeof runners.curl,
][]) {
  const found = await run(needs[0], needs.slice(1)).then(
    () => true,
    () => false,
  )
  t.test(language, { skip: found ? false : `no ${needs[0]} here` }, async (t) => {
    const service = await listening(t)
    for (const request of requests) {
      const folder = t.testdir({ 'requests.py': requestsModule })
      for (const [index, name] of request.files.entries())
        writeFileSync(join(folder, name), `${picture} ${index}`)
      writeFileSync(join(folder, file), snippets[language]({ ...request, url: service.url }))
      const [program, ...args] = command
      const { stdout } = await run(program, args, { cwd: folder, env: { PATH } })
      t.match(stdout, 'a llama', 'the answer is shown')
      const { needsKey, files, history, ...fields } = request
      t.strictSame(service.asked.pop(), {
        ...fields,
        ...(history.length > 0 && { history }),
        images: files.map((_, index) => `${picture} ${index}`),
        authorization: needsKey ? 'Bearer YOUR_API_KEY' : undefined,
      })
    }
  })
}

t.test('what the code shows is what was refused', async (t) => {
  const service = await listening(t, { success: false, error: 'The picture is corrupt' })
  const folder = t.testdir({
    'ask.mjs': snippets.javascript({ ...plain, url: service.url }),
    'photo.jpg': picture,
  })
  const { stdout } = await run(process.execPath, ['ask.mjs'], { cwd: folder, env: { PATH } })
  t.equal(stdout, 'The picture is corrupt\n')
})

/** A service that remembers what it was asked, with the picture as text again. */
async function listening(t: Test, answer: object = { success: true, response_text: 'a llama' }) {
  const asked: object[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const type = request.headers['content-type'] ?? ''
    asked.push({
      ...(await fieldsOf(Buffer.concat(chunks), type)),
      authorization: request.headers.authorization,
    })
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(answer))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo // Not a pipe: it listens at a port.
  return { url: `http://127.0.0.1:${port}/infer`, asked }
}

/** As they were meant, whatever way they came: pictures as texts, numbers as numbers. */
async function fieldsOf(body: Buffer, type: string): Promise<object> {
  if (!type.startsWith('multipart/')) {
    const { image, images = [image], ...fields } = JSON.parse(body.toString())
    return { ...fields, images: images.map((one: string) => Buffer.from(one, 'base64').toString()) }
  }
  const form = await new Response(body, { headers: { 'content-type': type } }).formData()
  const images = form
    .getAll('image')
    .map((image) => (typeof image === 'string' ? `no file: ${image}` : image.text()))
  const texts = [...form].flatMap(([name, value]): [string, unknown][] => {
    if (typeof value !== 'string') return []
    const isText = name === 'prompt' || name === 'image_detail'
    return [[name, isText ? value : JSON.parse(value)]]
  })
  return { ...Object.fromEntries(texts), images: await Promise.all(images) }
}
