/** Asks the service on this machine how it is: the image's health check, with the service's own settings. */
import { request } from 'undici'
import { loadConfig } from '../config.ts'
import { messageOf } from '../errors.ts'
import type { Health } from '../inference/contract.ts'

const timeoutMs = 4000
const anyAddress = new Map([
  ['0.0.0.0', '127.0.0.1'],
  ['::', '[::1]'],
])

export async function probe(env: NodeJS.ProcessEnv): Promise<{ healthy: boolean; message: string }> {
  const { HOST, PORT } = loadConfig(env)
  const url = `http://${anyAddress.get(HOST) ?? HOST}:${PORT}/health`
  try {
    const { statusCode, body } = await request(url, { signal: AbortSignal.timeout(timeoutMs) })
    const health = (await body.json()) as Health
    return statusCode === 200
      ? { healthy: true, message: `healthy: ${health.model_name}` }
      : { healthy: false, message: `${health.status}: ${health.reason}` }
  } catch (error) {
    return { healthy: false, message: `no answer from ${url}: ${messageOf(error)}` }
  }
}
