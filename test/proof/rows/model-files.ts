/**
 * A thousand hostile model files: read as the service reads them, and by the real engine where they get that far. Some
 * that the engine refuses are then put before a whole service, one after the other: it must say why, not start again and
 * again, and run once an honest file is there.
 */
import { mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { timings } from '../../../src/engine/timings.ts'
import { endOf, type FileEnd } from '../../support/engine-end.ts'
import { hostileDemo } from '../../support/hostile-demo.ts'
import { selected } from '../../support/hostile-gguf.ts'
import { type HostileModel, hostileLlamaVision, leastShape } from '../../support/hostile-llama-vision.ts'
import { health, type RunningService, untilHealthy } from '../../support/service.ts'
import { writeTinyModel } from '../../support/tiny-llama-vision.ts'
import { atMost, between, type Figure, holds, judged, none } from '../row.ts'
import { timeUntil, withFolder, withStarting } from '../service.ts'

export const name = 'model files'
export const must = '1,000 hostile model files -> 0 deaths of the gateway, a typed reason, no restart loop'

const ofEachKind = 200
/** Those put before a service. */
const served = 10
const reasonLimitMs = 60_000
/** Longer than a service rests between starts so early in a row. */
const quietMs = 5000

type Hostile = HostileModel & { model: string }

export const run = () =>
  withFolder(async (folder) => {
    const files = [...llamaVisions(), ...(await ofAnotherArchitecture())]
    const ends: FileEnd[] = []
    const refused: Hostile[] = []
    let untyped = 0
    for (const file of files) {
      const own = join(folder, file.model.replace('.gguf', ''))
      mkdirSync(own, { recursive: true })
      file.write(own)
      // What is no refusal rejects: the service would have no reason to tell.
      const end = await endOf(settingsOf(own, file.model)).catch(() => undefined)
      if (end === undefined || (end.how !== 'runs' && end.reason === '')) untyped += 1
      if (end) ends.push(end)
      if (end?.how === 'refused by the engine' && file.model === servedModel) refused.push(file)
    }
    const count = (how: FileEnd['how']) => ends.filter((end) => end.how === how).length
    return judged([
      between('files', files.length, 1000, 1000),
      ...(['refused by the gateway', 'refused by the engine', 'sees nothing', 'runs'] as const).map((how) =>
        between(how, count(how), 1, files.length),
      ),
      none('engines that died', count('died')),
      none('that hung', count('hangs')),
      none('without a typed reason', untyped),
      ...(await beforeAService(folder, selected(refused, served, 1))),
    ])
  })

/** What the engine's patches add, in one file and in two. */
const llamaVisions = (): Hostile[] =>
  (['ours', 'ollama', 'pair'] as const).flatMap((layout, seed) =>
    selected(hostileLlamaVision(layout), ofEachKind, seed + 1).map((hostile) => ({
      ...hostile,
      model: `${layout}.gguf`,
    })),
  )

/** The text model is broken in one half, its projector in the other. */
const ofAnotherArchitecture = async (): Promise<Hostile[]> =>
  (
    await Promise.all(
      (['demo.gguf', 'demo-mmproj.gguf'] as const).map(async (broken, seed) =>
        selected(await hostileDemo(broken, seed), ofEachKind, seed + 1),
      ),
    )
  )
    .flat()
    .map((hostile) => ({ ...hostile, model: 'demo.gguf' }))

const settingsOf = (folder: string, model: string) => ({
  ...{ folder, name: model, mmproj: '', ollamaStore: '/nowhere', aliases: [] },
  ...{ contextTokens: 512, maxImages: 1, maxTiles: 0, slots: 1, imageMaxTokens: 0, promptCacheMib: 0 },
  precision: 'auto' as const,
})

const servedModel = 'ours.gguf'

async function beforeAService(folder: string, files: Hostile[]): Promise<Figure[]> {
  const models = join(folder, 'models')
  mkdirSync(models)
  // Whole or not at all: the service looks at any time.
  const put = (write: (folder: string) => void) => {
    write(folder)
    renameSync(join(folder, servedModel), join(models, servedModel))
  }
  return await withStarting({ MODEL_PATH: models, MODEL_NAME: servedModel }, async (service) => {
    let untold = 0
    let mostStarts = 0
    for (const { write } of files) {
      const before = startsOf(service)
      put(write)
      if ((await timeUntil(() => startsOf(service) > before, reasonLimitMs)) === undefined) untold += 1
      else if ((await timeUntil(() => waits(service), reasonLimitMs)) === undefined) untold += 1
      await sleep(quietMs)
      mostStarts = Math.max(mostStarts, startsOf(service) - before)
    }
    const lives = service.process.exitCode === null && service.process.signalCode === null
    put((into) => writeTinyModel(into, 'ours', leastShape))
    const back = await untilHealthy(service.url).then(
      () => true,
      () => false,
    )
    return [
      between('before a service', files.length, served, served),
      none('whose reason it did not tell', untold),
      atMost('starts for one', mostStarts, timings.stillbornLimit),
      holds('gateway alive', lives),
      holds('runs with an honest file', back),
    ]
  })
}

const startsOf = ({ logged }: RunningService): number =>
  logged.filter(({ msg }) => msg === 'model found').length

/** It has a reason and is not about to try again. */
async function waits({ url }: RunningService): Promise<boolean> {
  const { engine, reason } = (await health(url)).body
  return engine.state === 'failed' && !/^$|Trying again/.test(reason ?? '')
}
