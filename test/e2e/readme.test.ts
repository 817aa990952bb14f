/** Every example of the README, run as it stands there against the service on its default port. */
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { packageRoot } from '../../src/config.ts'
import { jpeg } from '../support/images.ts'
import { healthyService } from '../support/service.ts'

const run = promisify(execFile)
const readme = readFileSync(join(packageRoot, 'README.md'), 'utf8')

/** The README's only code block of this language that holds `text`. */
function example(language: string, text: string): string {
  const blocks = [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(
    (match) => match[1] ?? '',
  )
  const found = blocks.filter((block) => block.includes(text))
  if (found.length !== 1) throw new Error(`${found.length} ${language} examples with ${text} in README.md`)
  return found[0] ?? ''
}

t.before(async () => {
  await healthyService(t, { PORT: '5000' })
})

async function folderWithPicture(t: Test): Promise<string> {
  const folder = t.testdir()
  writeFileSync(join(folder, 'image.jpg'), await jpeg())
  return folder
}

t.test('the curl example', async (t) => {
  const cwd = await folderWithPicture(t)
  const { stdout } = await run('bash', ['-c', example('bash', 'IMAGE_B64=')], { cwd })
  t.match(JSON.parse(stdout), { success: true, model: 'demo', error: null })
})

t.test('the health example', async (t) => {
  const { stdout } = await run('bash', ['-c', example('bash', 'curl http://localhost:5000/health')])
  t.match(JSON.parse(stdout), { status: 'healthy', model_loaded: true })
})

const python = '/usr/bin/python3'
const hasRequests = await run(python, ['-c', 'import requests']).then(
  () => true,
  () => false,
)

t.test(
  'the Python example',
  { skip: hasRequests ? false : `${python} has no requests (Debian: python3-requests)` },
  async (t) => {
    const cwd = await folderWithPicture(t)
    writeFileSync(join(cwd, 'example.py'), example('python', 'requests.post'))
    const { stdout } = await run(python, ['example.py'], { cwd })
    t.ok(stdout.trim().length > 0, stdout)
  },
)
