/** Model files that are wrong, shown to the real engine: its own words must be understood. */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { packageRoot } from '../../src/config.ts'
import { writeGguf } from '../support/gguf.ts'
import { health, runService, untilHealthy } from '../support/service.ts'

const demo = join(packageRoot, 'models/demo')
const textFile = join(demo, 'demo-text-q4_k_m.gguf')
const mmprojFile = join(demo, 'demo-mmproj-f16.gguf')

/** A folder with a copy of the demo model, one of its files changed, and the service on it. */
async function serviceOn(t: Test, change: (folder: string) => void) {
  const folder = t.testdir()
  copyFileSync(textFile, join(folder, 'model.gguf'))
  copyFileSync(mmprojFile, join(folder, 'mmproj.gguf'))
  change(folder)
  return { folder, service: await runService(t, { MODEL_PATH: folder, MODEL_NAME: 'model.gguf' }) }
}

async function failedReason(url: string): Promise<string | null> {
  for (;;) {
    const { body } = await health(url)
    if (body.engine.state === 'failed') return body.reason
    await sleep(50)
  }
}

function cut(path: string): void {
  const bytes = readFileSync(path)
  writeFileSync(path, bytes.subarray(0, Math.floor(bytes.length * 0.8)))
}

t.test('a model cut off in its weights, mended while the service watches', async (t) => {
  const { folder, service } = await serviceOn(t, (folder) => cut(join(folder, 'model.gguf')))
  t.match(
    await failedReason(service.url),
    /model\.gguf is cut off: it ends before its weights do; fetch the file again/,
  )
  copyFileSync(textFile, join(folder, 'model.gguf'))
  await untilHealthy(service.url)
})

t.test('a projector cut off in its weights', async (t) => {
  const { service } = await serviceOn(t, (folder) => cut(join(folder, 'mmproj.gguf')))
  t.match(
    await failedReason(service.url),
    /needs its vision projector.*Perhaps it was this: .*mmproj\.gguf is cut off/,
  )
})

t.test('an architecture that the engine does not know', async (t) => {
  const { service } = await serviceOn(t, (folder) =>
    writeGguf(join(folder, 'model.gguf'), {
      'general.architecture': 'telepathy',
      'telepathy.embedding_length': 256,
    }),
  )
  t.equal(await failedReason(service.url), 'The engine does not know models of the architecture telepathy')
})

t.test('a projector of an unknown type', async (t) => {
  const { service } = await serviceOn(t, (folder) =>
    writeGguf(join(folder, 'mmproj.gguf'), {
      'general.architecture': 'clip',
      'clip.projector_type': 'telescope',
      'clip.vision.projection_dim': 256,
    }),
  )
  t.match(await failedReason(service.url), /projector/)
})

t.test('a model without its projector', async (t) => {
  const { service } = await serviceOn(t, (folder) => writeFileSync(join(folder, 'mmproj.gguf'), ''))
  t.match(await failedReason(service.url), /model\.gguf needs its vision projector \(an mmproj GGUF\)/)
})
