/**
 * The README's way from Ollama, word by word but for the port, with a made-up store whose model is the demo one. In
 * Docker's place stands a program that runs the checkout as the image would be run; container-check.sh has the real one.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { packageRoot } from '../../src/config.ts'
import { jpeg } from '../support/images.ts'
import { writeOllamaStore } from '../support/ollama-store.ts'
import { untouched } from '../support/service.ts'

const name = 'ollama:llama3.2-vision:11b'
const readme = readFileSync(join(packageRoot, 'README.md'), 'utf8')
const [section = ''] = /^## Your Ollama model.*?(?=^## )/ms.exec(readme) ?? []
const [withDocker = '', without = ''] = [...section.matchAll(/^```bash\n(.*?)^```/gms)].map(
  ([, block]) => block,
)

/** Takes what the README says and nothing else. */
const docker = `#!/bin/bash
set -eu
[ "$1" = build ] && { [ "$*" = "build -t llama-vision:latest ." ] && [ -f Dockerfile ]; exit; }
[ "$1 $2" = "run -d" ] && shift 2
settings=(HOST=0.0.0.0 ALLOW_OPEN=1)
while [ $# -gt 1 ]; do
  case "$1 $2" in
    "-p "*:5000) settings+=("PORT=\${2%:5000}") ;;
    "-v "*:/ollama:ro) settings+=("OLLAMA_STORE=\${2%:/ollama:ro}") ;;
    "-e "*) settings+=("$2") ;;
    "--name llama-vision") ;;
    *) echo "docker knows no $1 $2" >&2; exit 125 ;;
  esac
  shift 2
done
[ "$1" = llama-vision:latest ]
env "\${settings[@]}" '${process.execPath}' dist/main.js serve >/dev/null 2>&1 &
`

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** What the last line of `block` prints, as a person has it whose home folder holds the store. */
async function answerTo(t: Test, block: string): Promise<unknown> {
  const home = t.testdir({ bin: {}, pictures: {} })
  writeOllamaStore(
    join(home, '.ollama'),
    'llama3.2-vision',
    '11b',
    join(packageRoot, 'models/demo/demo-q4_k_m.gguf'),
  )
  writeFileSync(join(home, 'bin/docker'), docker)
  chmodSync(join(home, 'bin/docker'), 0o755)
  writeFileSync(join(home, 'pictures/image.jpg'), await jpeg())
  const port = await freePort()
  const lines = block
    .replaceAll('localhost:5000', `localhost:${port}`)
    .replaceAll('5000:5000', `${port}:5000`)
    .replaceAll('--retry-delay 5', '--retry-delay 1')
    .trim()
    .split('\n')
  const curl = lines.pop()
  const script = [...lines, `cd '${home}/pictures'`, `${curl} --silent`].join('\n')
  const { PATH, XDG_CACHE_HOME = join(homedir(), '.cache'), LLAMA_VISION_CACHE, ENGINE_PATH } = process.env
  const child = spawn('env', [...untouched, 'bash', '-euc', script], {
    cwd: packageRoot,
    // A group of its own, which has all that is started in the background.
    detached: true,
    env: {
      ...{ XDG_CACHE_HOME, LLAMA_VISION_CACHE, ENGINE_PATH },
      ...{ PATH: `${home}/bin:${PATH}`, HOME: home, PORT: String(port), THREADS: '1' },
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const { pid = 0 } = child
  t.teardown(() => process.kill(-pid, 'SIGTERM'))
  // Not until the end of its output, which who stays in the background holds.
  let printed = ''
  child.stdout.on('data', (bytes) => {
    printed += bytes
  })
  const complaints = text(child.stderr).catch(() => '')
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`${code}: ${printed} ${await complaints}`)
  // Between lines of the log, where it is written to the same terminal.
  return JSON.parse(/\{"success".*?"error":null\}/.exec(printed)?.[0] ?? '')
}

t.test('with Docker', async (t) => {
  t.equal(withDocker.trim().split('\n').length, 3)
  t.match(await answerTo(t, withDocker), { success: true, model: name })
})

t.test('without', async (t) => {
  t.equal(without.trim().split('\n').length, 2)
  t.match(await answerTo(t, without), { success: true, model: name })
})
