/**
 * What it takes to check a JSON answer beside the event loop, and of the loop itself: a schema that is asked with again and
 * again, against one that is new each time. `node --import tsx bench/json-check.ts [requests]`
 */
import { createJsonChecker } from '../src/inference/json-checker.ts'

const requests = Number(process.argv[2] ?? 200)
const { requireUsable, faultOf } = createJsonChecker()
const { signal } = new AbortController()
const answer = {
  text: JSON.stringify({ title: 'A receipt', total: 12.5, items: ['a', 'b'] }),
  finishReason: 'stop' as const,
}

const schema = (version: number) => ({
  type: 'object',
  description: `version ${version}`,
  properties: {
    title: { type: 'string', pattern: '^[A-Z]', maxLength: 80 },
    total: { type: 'number', minimum: 0 },
    items: { type: 'array', items: { type: 'string' }, maxItems: 20 },
  },
  required: ['title', 'total', 'items'],
})

/** Milliseconds of one request, and of this process's own work on it, on average. */
async function measured(schemaOf: (request: number) => Record<string, unknown>) {
  const workBefore = process.cpuUsage()
  const began = performance.now()
  for (let request = 0; request < requests; request += 1) {
    const asked = schemaOf(request)
    await requireUsable(asked, signal)
    if ((await faultOf(answer, asked, signal)) !== null) throw new Error('the answer follows the schema')
  }
  const took = performance.now() - began
  const { user, system } = process.cpuUsage(workBefore)
  return { mean: took / requests, work: (user + system) / 1000 / requests }
}

await measured(() => schema(-1))
const same = await measured(() => schema(-1))
const anew = await measured(schema)
const told = ({ mean, work }: typeof same) =>
  `${mean.toFixed(2)} ms a request, ${work.toFixed(2)} ms of it the service's own work`
console.log(`the same schema: ${told(same)}`)
console.log(`a new one each:  ${told(anew)}`)
console.log(`ratio: ${(anew.mean / same.mean).toFixed(1)}`)
