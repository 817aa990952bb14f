import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageRoot } from '../src/config.ts'
import { createMetrics } from '../src/metrics.ts'

const snapshot = async () => ({
  waiting: 2,
  running: 1,
  engineState: 'ready',
  engineRestarts: 3,
  gatewayBytes: 100,
  engineBytes: 200,
  throttledPeriods: 4,
  throttledSeconds: 0.5,
})
const took = { queue: 0.2, image: 0.1, prompt: 30, firstToken: 30.4, total: 33, perToken: 0.13 }

t.test('what happened is counted, what is now is read at each scrape', async (t) => {
  const metrics = createMetrics(['loading', 'ready'], snapshot)
  metrics.answered('infer', 'stop', took, { prompt: 70, cached: 64, answer: 21 })
  metrics.answered('openai', 'length', { ...took, perToken: undefined }, { prompt: 5, cached: 0, answer: 1 })
  metrics.failed('ollama', 'queue_full')
  metrics.requested('/infer', 429)
  const { mediaType, text } = await metrics.exposition()
  t.match(mediaType, /^text\/plain; version=/)
  for (const line of [
    'llama_vision_questions_total{door="infer",outcome="stop"} 1',
    'llama_vision_questions_total{door="ollama",outcome="queue_full"} 1',
    'llama_vision_http_requests_total{route="/infer",status="429"} 1',
    'llama_vision_time_to_first_token_seconds_bucket{le="60"} 2',
    'llama_vision_time_per_token_seconds_count 1',
    'llama_vision_prompt_tokens_total 75',
    'llama_vision_cached_prompt_tokens_total 64',
    'llama_vision_completion_tokens_total 22',
    'llama_vision_waiting_requests 2',
    'llama_vision_running_requests 1',
    'llama_vision_engine_state{state="ready"} 1',
    'llama_vision_engine_state{state="loading"} 0',
    'llama_vision_engine_restarts 3',
    'llama_vision_memory_bytes{process="engine"} 200',
    'llama_vision_cpu_throttled_periods 4',
  ])
    t.ok(text.includes(`${line}\n`), line)
})

t.test('the dashboard asks for figures that there are', async (t) => {
  const { text } = await createMetrics([], snapshot).exposition()
  const dashboard = readFileSync(join(packageRoot, 'deploy/grafana.json'), 'utf8')
  const asked = new Set(dashboard.match(/llama_vision_[a-z_]+/g))
  t.ok(asked.size >= 15)
  for (const name of asked) {
    const base = name.replace(/_bucket$/, '')
    t.ok(text.includes(`# TYPE ${base} `), name)
  }
})
