/** Ten thousand changed requests at every door, some of them with the real engine behind, and shapes of HTTP itself. */
import { fakeEngineConfig } from '../../support/fake-engine.ts'
import { health, type RunningService } from '../../support/service.ts'
import { honestRequests } from '../bodies/honest.ts'
import { attemptOf } from '../bodies/mutations.ts'
import { type Fault, type Verdict, verdictsOn } from '../bodies/verdicts.ts'
import { brokenShapes, shapes } from '../http-shapes.ts'
import { type Figure, holds, judged, none } from '../row.ts'
import { withFolder, withService } from '../service.ts'

export const name = '10,000 mutated bodies at every door, 70 shapes of HTTP'
export const must = '0 crashes, 0 5xx, none unanswered'

/** Fewer for a quick look: BODIES=500. */
const bodies = Number(process.env.BODIES ?? 10_000)
/** Most are refused before an engine is asked, so the fake one sees most. */
const withEngine = Math.ceil(bodies / 5)
const clients = 4
const answerLimitMs = 60_000
/** Those that come to no request are waited for as long as a service does. */
const shapeLimitMs = 60_000
/** Nobody has to wait in the line for a place in it. */
const room = { QUEUE_SIZE: '32' }
const error = 50

export async function run() {
  const faked = await withFolder((folder) => {
    const { MODEL_PATH, MODEL_NAME, ENGINE_PATH } = fakeEngineConfig(folder)
    const settings = { MODEL_PATH, MODEL_NAME, ENGINE_PATH, SLOTS: '2', ...room }
    return withService(settings, async (service) => {
      const broken = await brokenShapes(portOf(service), shapeLimitMs)
      const figures = await tried(service, MODEL_NAME, 0, bodies - withEngine)
      return [
        ...figures,
        holds(`of ${shapes.length} shapes wrong`, broken.length === 0, broken.join('; ') || '0'),
      ]
    })
  })
  // A text without end would be answered to the end of the context.
  const real = await withService({ ...room, REQUEST_TIMEOUT: '20' }, (service) =>
    tried(service, 'demo', bodies - withEngine, bodies),
  )
  return judged([...faked, ...real])
}

const portOf = ({ url }: RunningService): number => Number(new URL(url).port)

async function tried(service: RunningService, model: string, from: number, to: number): Promise<Figure[]> {
  const honest = await honestRequests(model)
  function* attempts() {
    for (let number = from; number < to; number += 1) yield { number, attempt: attemptOf(honest, number) }
  }
  const verdicts = await verdictsOn(portOf(service), attempts(), { clients, limitMs: answerLimitMs })
  const { status, body } = await health(service.url)
  const answered = verdicts.filter(({ status }) => status < 400).length
  const late = verdicts.filter(({ status }) => status === 504).length
  return [
    holds(`${model}: answered`, answered > 0, `${answered} of ${verdicts.length}, ${late} late`),
    none('engines lost', body.engine.restarts),
    holds('service well', status === 200 && service.process.exitCode === null),
    none('errors logged', service.logged.filter(isUnexpected).length),
    ...(['5xx', 'unanswered', 'cut off', 'untyped'] as const).map((fault) => withFault(fault, verdicts)),
  ]
}

/** Named by number, which is all that it takes to send one again. */
function withFault(fault: Fault, verdicts: Verdict[]): Figure {
  const found = verdicts.filter((verdict) => verdict.fault === fault)
  const shown = found.slice(0, 5).map(({ number, status, code }) => `${number}: ${status} ${code}`)
  return holds(fault, found.length === 0, [String(found.length), ...shown].join(', '))
}

/** That a deadline has passed is said to nobody but who asked. */
const isUnexpected = ({ level, code }: Record<string, unknown>): boolean =>
  Number(level) >= error && code !== 'deadline_exceeded'
