import t from 'tap'
import { readyStatus, testApp } from '../support/app.ts'

t.test('a ready engine is healthy, in the documented fields', async (t) => {
  const app = await testApp(t)
  const response = await app.inject('/health')
  t.equal(response.statusCode, 200)
  t.match(response.json(), {
    status: 'healthy',
    model_loaded: true,
    model_name: 'tiny.gguf',
    timestamp: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/,
    reason: null,
    model_description: 'a model of headers',
    engine: { state: 'ready', since: '2024-01-13T12:00:00.000000', restarts: 2, threads: 3 },
    version: '1.2.3',
  })
})

t.test('any other state is 503 with the same fields and a reason', async (t) => {
  for (const state of ['starting', 'loading', 'failed', 'stopping'] as const) {
    const status = {
      ...readyStatus,
      state,
      reason: state === 'stopping' ? undefined : 'x.gguf not found',
      model: undefined,
      contextTokens: undefined,
      threads: undefined,
    }
    const app = await testApp(t, { engineStatus: () => status })
    const response = await app.inject('/health')
    t.equal(response.statusCode, 503)
    t.equal(response.headers['retry-after'], '5')
    t.match(response.json(), {
      status: 'unhealthy',
      model_loaded: false,
      model_name: 'tiny.gguf',
      reason: status.reason ?? 'stopping',
      model_description: null,
      engine: { state, threads: null },
    })
  }
})

t.test('a service that shuts down is unhealthy, whatever its engine can do', async (t) => {
  const app = await testApp(t, { draining: () => true })
  const response = await app.inject('/health')
  t.equal(response.statusCode, 503)
  t.equal(response.headers['retry-after'], '5')
  t.match(response.json(), {
    status: 'unhealthy',
    model_loaded: true,
    reason: 'The service is shutting down',
    engine: { state: 'ready' },
  })
})

t.test('alive is whoever answers', async (t) => {
  const app = await testApp(t, { engineStatus: () => ({ ...readyStatus, state: 'failed' }) })
  const response = await app.inject('/livez')
  t.equal(response.statusCode, 200)
  t.match(response.json(), { status: 'alive', timestamp: /\.\d{6}$/ })
})
