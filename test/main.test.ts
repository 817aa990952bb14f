import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import { packageRoot } from '../src/config.ts'
import { untouched } from './support/service.ts'

const run = promisify(execFile)

t.test('help names the variable of the key, never what it holds', async (t) => {
  const program = [process.execPath, '--import', 'tsx', 'src/main.ts']
  const env = { PATH: process.env.PATH, LLAMA_VISION_KEY: 'quetzalcoatl' }
  for (const command of ['infer', 'caption', 'mcp']) {
    const help = await run('env', [...untouched, ...program, command, '--help'], { cwd: packageRoot, env })
    t.match(help.stdout, /--key <key> +API key of the service \(env: LLAMA_VISION_KEY\)/)
    t.notMatch(help.stdout, /quetzalcoatl/)
  }
})
