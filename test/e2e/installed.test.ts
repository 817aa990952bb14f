/**
 * The package as somebody has it who installs it: packed, put into a folder of its own, set up, asked. What is compiled
 * comes from the cache of this checkout's set-up, and the packages from npm's.
 */
import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, realpathSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { ownVersion, packageRoot } from '../../src/config.ts'
import { infer, runService, untilHealthy, untouched } from '../support/service.ts'

const run = promisify(execFile)
const { PATH = '', HOME = '' } = process.env
/** As npm fails that finds a package neither in its cache nor in a network. */
const withoutNetwork =
  /ENOTCACHED|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|network timeout/

/** With all of the environment, which may tell how a network is reached. */
const npm = (...words: string[]) => run('env', [...untouched, 'npm', ...words], { cwd: packageRoot })

/** The installed package's program and folder; undefined where its packages can't be had. */
async function installed(): Promise<{ program: string; folder: string } | undefined> {
  const prefix = t.testdir()
  const { stdout } = await npm('pack', '--silent', '--pack-destination', prefix)
  const tarball = join(prefix, stdout.trim().split('\n').at(-1) ?? '')
  // With a retry it tries package after package where there is no network, which takes many minutes.
  const patience = ['--prefer-offline', '--fetch-retries=0', '--fetch-timeout=60000']
  const quietly = ['--no-audit', '--no-fund', '--loglevel=error']
  try {
    await npm('install', '--global', '--prefix', prefix, ...patience, ...quietly, tarball)
  } catch (error) {
    if (!withoutNetwork.test(String(error))) throw error
    return undefined
  }
  return { program: join(prefix, 'bin/llama-vision'), folder: join(prefix, 'lib/node_modules/llama-vision') }
}

/** A cache in which the engine is, and nothing of a set-up. */
function cacheWithEngine(): string {
  const cache = join(t.testdirName, 'cache')
  mkdirSync(cache)
  symlinkSync(dirname(realpathSync(join(packageRoot, '.engine'))), join(cache, 'engine'))
  return cache
}

const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()

const found = await installed()
const skip = found ? false : 'its packages are neither in the cache of npm nor in a network'

t.test('a package that was installed tells how it is set up, and then answers', { skip }, async (t) => {
  const { program = '', folder = '' } = found ?? {}
  const cache = cacheWithEngine()
  const env = { PATH, HOME, LLAMA_VISION_CACHE: cache, MODEL_NAME: 'demo', PORT: '0' }
  const command = (...words: string[]) =>
    run('env', [...untouched, program, ...words], { env }).catch((error) => error as typeof error)
  t.match(await command('--version'), { stdout: `${ownVersion()}\n` })

  const advice = /The engine is not built yet; run: llama-vision setup/
  t.match(await command('doctor'), { code: 1, stdout: advice })
  const picture = join(folder, 'models/demo/samples/star.jpg')
  t.match(await command('infer', picture, 'What shape is this?'), { code: 1, stderr: advice })

  const before = filesBelow(folder)
  t.match(await command('setup'), {
    stdout: /^The engine is ready: .*\/bin\/llama-server, version \d/,
    stderr: /the engine has no network/,
  })
  t.same(filesBelow(folder), before, 'nothing is written to the package itself')
  t.match(await command('doctor'), { stdout: /ok +engine: .*\nok +confinement: the engine has no network/ })

  const service = await runService(t, env, { main: program })
  await untilHealthy(service.url)
  const image = readFileSync(picture).toString('base64')
  const { body } = await infer(service.url, { prompt: 'What shape is this?', image, temperature: 0 })
  t.match(body, { success: true, response_text: 'star' })
  t.match(await (await fetch(service.url, { headers: { accept: 'text/html' } })).text(), /<html/)
})
