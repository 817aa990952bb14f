/** Schemas of strangers, one after the other: those that are made to hold the service, and those that would steer it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { encodeScene } from '../../../models/drawings/pictures.ts'
import { heldOutQuestions } from '../../../models/drawings/questions.ts'
import { createJsonChecker } from '../../../src/inference/json-checker.ts'
import { health, infer } from '../../support/service.ts'
import { hostileSchemas, steeringSchemas } from '../hostile-schemas.ts'
import { atMost, between, judged, none } from '../row.ts'
import { timeUntil, withService } from '../service.ts'

export const name = 'schemas'
export const must = 'no 5xx, loop < 50 ms, engine alive, no way to steer'

const answerLimitMs = 60_000

/** Has the service tell how late its event loop was since it last did. */
const preload = `
  import { monitorEventLoopDelay } from 'node:perf_hooks'
  const delay = monitorEventLoopDelay({ resolution: 1 })
  process.on('SIGWINCH', () => {
    console.log(JSON.stringify({ loopMs: delay.enable() ? 0 : delay.percentile(99.9) / 1e6 }))
    delay.reset()
  })`

export const run = () =>
  withService(
    {},
    async (service) => {
      const loopMs = async () => {
        const told = () => service.logged.flatMap((line) => ('loopMs' in line ? [Number(line.loopMs)] : []))
        const before = told().length
        service.process.kill('SIGWINCH')
        await timeUntil(() => told().length > before, 5000)
        return told()[before] ?? Number.NaN
      }
      const [first] = heldOutQuestions(1)
      if (!first) throw new Error('no question')
      const image = (await encodeScene(first.scene, 'png')).toString('base64')
      const ask = (json_schema: object) =>
        infer(
          service.url,
          { prompt: 'Describe it.', image, temperature: 0, max_tokens: 16, json_schema },
          AbortSignal.timeout(answerLimitMs),
        ).then(
          ({ status, body }) => (status === 200 || body.details?.code ? status : Number.NaN),
          () => 0,
        )
      const schemas = Object.values(hostileSchemas)
      await loopMs()
      for (const _ of schemas) {
        await ask({ type: 'string' })
        await sleep(50)
      }
      const harmlessMs = await loopMs()
      const statuses: number[] = []
      for (const schema of schemas) {
        statuses.push(await ask(schema))
        await sleep(50)
      }
      const count = (holds: (status: number) => boolean) => statuses.filter(holds).length
      const { status, body } = await health(service.url)
      return judged([
        none(
          `5xx of ${statuses.length}`,
          count((status) => status >= 500),
        ),
        none(
          'unanswered',
          count((status) => !(status > 0)),
        ),
        // On a machine that has other things to do, harmless schemas are late as well.
        atMost('loop p99.9', await loopMs(), Math.max(50, 2 * harmlessMs), ' ms'),
        atMost('with harmless ones', harmlessMs, Number.POSITIVE_INFINITY, ' ms'),
        none('restarts', body.engine.restarts),
        between('health', status, 200, 200),
        none(`steered of ${steeringSchemas.length}`, await steered()),
      ])
    },
    { preload },
  )

/** How many had an answer pass that does not follow them. */
async function steered(): Promise<number> {
  const { faultOf } = createJsonChecker()
  const { signal } = new AbortController()
  const faults = await Promise.all(
    steeringSchemas.map((schema) => faultOf({ text: '{}', finishReason: 'stop' }, schema, signal)),
  )
  return faults.filter((fault) => fault === null).length
}
