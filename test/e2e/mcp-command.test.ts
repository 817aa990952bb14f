/** `llama-vision mcp` as the Model Context Protocol's own client starts it, with the real engine. */
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import t, { type Test } from 'tap'
import { packageRoot } from '../../src/config.ts'
import { blueSquare, redSquare } from '../../src/plain-squares.ts'
import { colour, connected, look, occupied } from '../support/mcp.ts'
import { healthyService, type RunningService, untilInside, untouched } from '../support/service.ts'
import { until } from '../support/until.ts'

const samples = join(packageRoot, 'models/demo/samples')

let service: RunningService

t.before(async () => {
  service = await healthyService(t, { QUEUE_SIZE: '2', CONTEXT_SIZE: '8192' })
})

/** Starts the command as a client does that has it in its settings. */
async function overStdio(t: Test, ...words: string[]) {
  const { PATH = '', HOME = '', ENGINE_PATH = '' } = process.env
  const transport = new StdioClientTransport({
    command: 'env',
    args: [...untouched, process.execPath, 'dist/main.js', 'mcp', ...words],
    cwd: packageRoot,
    env: { PATH, HOME, ENGINE_PATH, MODEL_NAME: 'demo', PORT: '1', THREADS: '1' },
    stderr: 'pipe',
  })
  let noted = ''
  transport.stderr?.on('data', (piece) => {
    noted += piece
  })
  return { client: await connected(t, transport), noted: () => noted, pid: transport.pid }
}

/** A folder that may be read, with a picture and what is none. */
function photos(t: Test): string {
  const root = t.testdir({ photos: { 'notes.txt': 'no picture' } })
  const folder = join(root, 'photos')
  cpSync(samples, folder, { recursive: true })
  cpSync(join(samples, 'star.jpg'), join(root, 'outside.jpg'))
  symlinkSync('../outside.jpg', join(folder, 'link.jpg'))
  execFileSync('mkfifo', [join(folder, 'pipe.jpg')])
  writeFileSync(join(folder, 'empty.jpg'), '')
  return folder
}

const shape = 'What shape is this?'

t.test('pictures below the folders that were allowed, and no others', async (t) => {
  const folder = photos(t)
  const { client } = await overStdio(t, '--url', service.url, '--allow', folder)
  const { tools } = await client.listTools()
  t.match(JSON.stringify(tools), folder, 'the model is told where it may look')
  const heard: string[] = []
  const onprogress = ({ message = '' }) => heard.push(message)
  t.same(await look(client, { picture: join(folder, 'star.jpg'), question: shape }, { onprogress }), {
    isError: false,
    text: 'star',
  })
  t.match(heard, ['The service takes the question', '1 of 1 pictures prepared'])
  t.same(await look(client, { picture: 'star.jpg', question: shape }), { isError: false, text: 'star' })
  t.match(await look(client, { picture: redSquare.padEnd(5000), question: colour }), { text: /red/i })
  t.match(await look(client, { picture: `data:image/png;base64,${blueSquare}`, question: colour }), {
    text: /blue/i,
  })
  const refused = async (picture: string) => {
    const { isError, text } = await look(client, { picture, question: shape })
    t.ok(isError, text)
    return text
  }
  for (const picture of [
    'missing.jpg',
    'link.jpg',
    '../outside.jpg',
    join(folder, '../outside.jpg'),
    '/etc/passwd',
  ])
    t.equal(
      await refused(picture),
      `There is no picture at ${picture} in what may be read: ${folder} (llama-vision mcp --allow FOLDER adds to that)`,
    )
  t.match(await refused('pipe.jpg'), /it is a named pipe/)
  t.match(await look(client, { picture: ['star.jpg', 'star.jpg'], question: shape }), { isError: false })
  t.match(await look(client, { picture: Array(9).fill('star.jpg'), question: shape }), {
    isError: true,
    text: 'The request has 9 pictures; at most 8 are accepted',
  })
  t.match(await refused('notes.txt'), /does not hold a picture/)
  t.match(await refused('empty.jpg'), /empty\.jpg: it is empty/)
  t.match(await refused('https://example.com/a.png'), /IMAGE_URL_ALLOW/)
})

t.test('without a folder nothing is read, and a cancelled question gives its place back', async (t) => {
  const { client } = await overStdio(t, '--url', service.url)
  t.match(await look(client, { picture: join(samples, 'star.jpg'), question: shape }), {
    isError: true,
    text: /add --allow FOLDER/,
  })
  const leave = await occupied(t, service.url)
  const caller = new AbortController()
  const picture = `data:image/png;base64,${redSquare}`
  const cancelled = look(client, { picture, question: colour }, { signal: caller.signal })
  await untilInside(service.url, 1, 1)
  caller.abort()
  await t.rejects(cancelled)
  await untilInside(service.url, 1, 0)
  await leave()
})

t.test('a model of its own, from the first question to the end of the client', async (t) => {
  const { client, noted, pid } = await overStdio(t, '--allow', samples)
  await client.listTools()
  t.equal(noted(), '', 'nothing is started for who only lists tools')
  const heard: string[] = []
  const onprogress = ({ message = '' }) => heard.push(message)
  t.match(await look(client, { picture: 'star.jpg', question: shape }, { onprogress }), { text: 'star' })
  t.equal(heard[0], 'starting the model demo')
  t.match(noted(), /starting the model demo/)
  await client.close()
  await until(() => !existsSync(`/proc/${pid}`), 'the end of the command')
})

t.test('as many questions at once as fit into memory', async (t) => {
  const { client } = await overStdio(t, '--allow', samples)
  // While the model starts, all of them wait in the command.
  const told = await Promise.all(
    Array.from({ length: 18 }, () => look(client, { picture: 'star.jpg', question: shape })),
  )
  t.equal(told.filter(({ text }) => /16 requests are waiting; beyond 16/.test(text)).length, 2)
  t.ok(told.filter(({ text }) => text === 'star').length >= 9)
})

t.test('what it cannot start with is said', (t) => {
  const run = spawnSync(
    'env',
    [...untouched, process.execPath, 'dist/main.js', 'mcp', '--allow', '/nowhere'],
    {
      cwd: packageRoot,
      encoding: 'utf8',
    },
  )
  t.match(run, { status: 1, stdout: '', stderr: '--allow /nowhere: it cannot be read (ENOENT)\n' })
  t.end()
})
