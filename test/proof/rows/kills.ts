/** The engine is killed twenty times while eight clients ask. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { RunningService } from '../../support/service.ts'
import { engineOf } from '../processes.ts'
import { asked, knownQuestions, tally, type Verdict } from '../questions.ts'
import { atMost, holds, judged, none } from '../row.ts'
import { isHealthy, timeUntil, withService } from '../service.ts'

export const name = '20 kills under 8 clients'
export const must = '0 wrong, 0 untyped, 0 hangs, ready again in < 3 s each after a good answer'

const kills = 20
const clients = 8
const answerLimitMs = 30_000
/** A service that is not back by then will not be in this row. */
const backLimitMs = 20_000

export const run = () =>
  withService({ QUEUE_SIZE: '32' }, async (service) => {
    const known = await knownQuestions(service.url, 24)
    const verdicts: Verdict[] = []
    const crowd = { over: false, good: 0 }
    const codes = new Map<string, number>()
    const count = (code: string) => void codes.set(code, (codes.get(code) ?? 0) + 1)
    const asking = Array.from({ length: clients }, async (_, client) => {
      for (let turn = client; !crowd.over; turn += 1) {
        const question = known[turn % known.length]
        if (!question) throw new Error('no question')
        const verdict = await asked(service.url, question, answerLimitMs, count)
        verdicts.push(verdict)
        if (verdict === 'right') crowd.good += 1
        else await sleep(50)
      }
    })
    const backMs = await killed(service, () => crowd.good)
    crowd.over = true
    await Promise.all(asking)
    const { right, wrong, untyped, hung } = tally(verdicts)
    const refused = [...codes].map(([code, times]) => `${code} ${times}`).join(', ')
    return judged([
      holds('kills survived', backMs.length === kills, `${backMs.length} of ${kills}`),
      atMost('slowest back', Math.max(...backMs, 0), 3000, ' ms'),
      none('wrong', wrong),
      none('untyped', untyped),
      none('hung', hung),
      holds('right', right > 0, `${right}; refused: ${refused}`),
    ])
  })

/** Kills again and again, each time after a good answer. Returns how long it took to be back; ends at the first failure. */
async function killed(service: RunningService, good: () => number): Promise<number[]> {
  const backMs: number[] = []
  while (backMs.length < kills) {
    const before = good()
    if ((await timeUntil(() => good() > before, answerLimitMs)) === undefined) break
    const engine = engineOf(service.process.pid)
    if (engine === undefined) break
    process.kill(engine, 'SIGKILL')
    const took = await timeUntil(
      async () => engineOf(service.process.pid) !== engine && (await isHealthy(service.url)),
      backLimitMs,
    )
    if (took === undefined) break
    backMs.push(took)
  }
  return backMs
}
