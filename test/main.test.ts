import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import { ownVersion, packageRoot } from '../src/config.ts'
import { untouched } from './support/service.ts'

const run = promisify(execFile)

/** What a person sees who types this, and the exit status. */
async function typed(...words: string[]) {
  const program = [...untouched, process.execPath, '--import', 'tsx', 'src/main.ts', ...words]
  const env = { PATH: process.env.PATH, MODEL_NAME: 'demo', PORT: '1' }
  return await run('env', program, { cwd: packageRoot, env }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }) =>
      ({ code, stdout, stderr }) as { code: number; stdout: string; stderr: string },
  )
}

t.test('--version is that of the package', async (t) => {
  t.match(await typed('--version'), { code: 0, stdout: `${ownVersion()}\n` })
})

t.test('mistakes are told in a sentence, and nothing is started', async (t) => {
  const url = ['--url', 'http://localhost:1']
  const star = 'models/demo/samples/star.jpg'
  const mistakes: [words: string[], sentence: RegExp][] = [
    [['sevre'], /^There is no command sevre; was serve meant\?\n$/],
    [['serve', 'now'], /^There is no command now; there are serve, /],
    [['--port', '5001'], /^--port changes nothing there: .* PORT=\.\.\. llama-vision serve\n$/],
    [['infer', star, 'What?', '--jsno'], /unknown option '--jsno'/],
    [['infer', star, 'What?', '--url', 'localhost:5000'], /It must be an address such as http:/],
    [['infer', star, 'What?', '--max-tokens', '1.5'], /It must be a whole number from 1/],
    [['infer', star, 'What?', '--image-detail', 'most'], /Allowed choices are auto, low, high/],
    [['infer', star, 'What?', ...url], /^No answer from http:\/\/localhost:1: nothing listens there\n$/],
    [
      ['infer', 'nowhere.jpg', 'What?', ...url],
      /^nowhere\.jpg cannot be read: there is no such file or folder\n$/,
    ],
    [
      ['infer', 'What?', star, ...url],
      /no such file or folder\. The picture comes first, then the question\n$/,
    ],
    [['infer', 'models', 'What?', ...url], /^models cannot be read: it is a folder; /],
    [['pull', 'llama3.2-vision:11b'], /Was ollama:llama3\.2-vision:11b meant\?\n$/],
    [['pull', 'owner/repo'], /Was hf:owner\/repo or ollama:owner\/repo meant\?\n$/],
    [['probe'], /^$/],
  ]
  for (const [words, sentence] of mistakes)
    t.match(await typed(...words), { code: 1, stderr: sentence }, words.join(' '))
})

t.test('help names the variable of the key, never what it holds', async (t) => {
  const program = [process.execPath, '--import', 'tsx', 'src/main.ts']
  const env = { PATH: process.env.PATH, LLAMA_VISION_KEY: 'quetzalcoatl' }
  for (const command of ['infer', 'caption', 'mcp']) {
    const help = await run('env', [...untouched, ...program, command, '--help'], { cwd: packageRoot, env })
    t.match(help.stdout, /--key <key> +API key of the service \(env: LLAMA_VISION_KEY\)/)
    t.notMatch(help.stdout, /quetzalcoatl/)
  }
})
