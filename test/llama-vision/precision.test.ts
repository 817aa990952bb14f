/** The numbers that the tower of the demo model makes, whose weights are F16: by threads, and by how they are multiplied. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { loadConfig, packageRoot } from '../../src/config.ts'
import { engineCommand } from '../../src/engine/command.ts'
import { modelSettings } from '../../src/model/settings.ts'
import { asked, LlamaServer, patternPicture } from '../support/llama-server.ts'
import { someModel } from '../support/model-facts.ts'

const folder = mkdtempSync(join(tmpdir(), 'precision-'))
t.teardown(() => rmSync(folder, { recursive: true }))

const model = join(packageRoot, 'models/demo/demo-q4_k_m.gguf')
/** Three tiles. */
const picture = await patternPicture(700, 500)

/** What the service sets for Llama 3.2 Vision. */
function environmentFor(precision: 'auto' | 'full'): Record<string, string> {
  const facts = someModel({ projector: { ...someModel().projector, type: 'mllama' } })
  const settings = modelSettings(loadConfig({ ENGINE_PRECISION: precision }))
  const surroundings = { threads: 1, socketPath: '/s', homePath: '/h' }
  return engineCommand(settings, facts, surroundings).environment
}

async function rows(t: Test, precision: 'auto' | 'full', threads: number): Promise<string> {
  const dump = join(folder, `${precision}-${threads}`)
  const counts = ['--threads', String(threads), '--threads-batch', String(threads)]
  const server = await LlamaServer.start(
    t,
    ['--model', model, '--ctx-size', '1024', '--parallel', '1', ...counts],
    { environment: { ...environmentFor(precision), MTMD_DEBUG_EMBEDDINGS: dump } },
  )
  const question = { prompt: asked('<__media__>hello'), pictures: [picture] }
  const { status } = await server.post('/completion', server.completion(question))
  t.equal(status, 200)
  await server.stop()
  return readFileSync(dump, 'base64')
}

const hasFasterBf16 = (): boolean => {
  const flags = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.split(' ') ?? []
  return flags.includes('amx_bf16') || (flags.includes('avx512_bf16') && !flags.includes('amx_tile'))
}

t.test('a picture becomes the same bytes for any number of threads, in either precision', async (t) => {
  for (const precision of ['auto', 'full'] as const) {
    const one = await rows(t, precision, 1)
    for (const threads of [2, 3])
      t.ok((await rows(t, precision, threads)) === one, `${precision}, ${threads}`)
  }
})

const skip = hasFasterBf16() ? false : 'this CPU has no unit for BF16 that is faster than the one for F32'
t.test('auto computes otherwise than full where the CPU has a faster unit', { skip }, async (t) => {
  t.ok((await rows(t, 'auto', 1)) !== (await rows(t, 'full', 1)))
})
