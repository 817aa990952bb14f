/**
 * What it takes of the event loop to check a JSON answer: a schema that is asked with again and again, against the
 * same compiled anew for each request. `node --import tsx bench/json-check.ts [requests]`
 */
import { jsonCheck } from '../src/inference/json-answer.ts'

const requests = Number(process.argv[2] ?? 200)
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

/** Milliseconds of one request, on average and at the worst. */
function measured(schemaOf: (request: number) => Record<string, unknown>): { mean: number; worst: number } {
  const took = Array.from({ length: requests }, (_, request) => {
    const began = performance.now()
    if (jsonCheck(schemaOf(request))(answer) !== null) throw new Error('the answer follows the schema')
    return performance.now() - began
  })
  return { mean: took.reduce((sum, one) => sum + one, 0) / requests, worst: Math.max(...took) }
}

measured(() => schema(-1))
const same = measured(() => schema(-1))
const anew = measured(schema)
console.log(`the same schema: ${same.mean.toFixed(3)} ms a request, at worst ${same.worst.toFixed(2)} ms`)
console.log(`a new one each:  ${anew.mean.toFixed(3)} ms a request, at worst ${anew.worst.toFixed(2)} ms`)
console.log(`ratio: ${(anew.mean / same.mean).toFixed(1)}`)
