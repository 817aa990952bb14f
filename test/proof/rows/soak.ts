/** Twenty thousand requests of many kinds: memory must not grow with them. */
import { engineOf, ownMebibytes } from '../processes.ts'
import { asked, type Known, knownQuestions, tally, type Verdict } from '../questions.ts'
import { atMost, holds, judged, none } from '../row.ts'
import { withService } from '../service.ts'

export const name = 'soak, 20,000 requests'
export const must = 'gateway and engine within 20 MB'

/** Fewer for a quick look: SOAK_REQUESTS=1000. */
const requests = Number(process.env.SOAK_REQUESTS ?? 20_000)
/** Caches and heaps are filled by then. */
const warmUp = Math.ceil(requests / 5)
const clients = 4
const grownAtMost = 20

export const run = () =>
  withService({ QUEUE_SIZE: '32', PROMPT_CACHE_MIB: '32' }, async ({ url, process: gateway }) => {
    const known = await knownQuestions(url, 40)
    const processes = { gateway: gateway.pid ?? 0, engine: engineOf(gateway.pid) ?? 0 }
    const memory = () => ({
      gateway: ownMebibytes(processes.gateway),
      engine: ownMebibytes(processes.engine),
    })
    const verdicts = await asksOf(url, known, warmUp)
    const before = memory()
    verdicts.push(...(await asksOf(url, known, requests - warmUp)))
    const after = memory()
    const { right, wrong, untyped, hung, refused } = tally(verdicts)
    return judged([
      holds('answered', right === requests, `${right} of ${requests}`),
      atMost(
        'gateway grew',
        after.gateway - before.gateway,
        grownAtMost,
        ` MB from ${Math.round(before.gateway)}`,
      ),
      atMost(
        'engine grew',
        after.engine - before.engine,
        grownAtMost,
        ` MB from ${Math.round(before.engine)}`,
      ),
      none('wrong', wrong),
      none('untyped, hung or refused', untyped + hung + refused),
    ])
  })

async function asksOf(url: string, known: Known[], count: number): Promise<Verdict[]> {
  const verdicts: Verdict[] = []
  let left = count
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (left > 0) {
        left -= 1
        const question = known[left % known.length]
        if (question) verdicts.push(await asked(url, question, 60_000))
      }
    }),
  )
  return verdicts
}
