/** Asks the service on this machine how it is: the image's health check, with the service's own settings. */
import { request } from 'undici'
import { loadConfig } from '../config.ts'
import type { Health } from '../doors/status.ts'
import { reasonOf } from '../trouble.ts'

const timeoutMs = 4000
const anyAddress = new Map([
  ['0.0.0.0', '127.0.0.1'],
  ['::', '[::1]'],
])

/** `url` is the service's, whether it answers or not. */
export type Probed = { healthy: boolean; message: string; url: string }

export async function probe(env: NodeJS.ProcessEnv): Promise<Probed> {
  const { HOST, PORT } = loadConfig(env)
  const address = anyAddress.get(HOST) ?? (HOST.includes(':') ? `[${HOST}]` : HOST)
  const url = `http://${address}:${PORT}`
  try {
    const { statusCode, body } = await request(`${url}/health`, { signal: AbortSignal.timeout(timeoutMs) })
    const health = (await body.json()) as Health
    return statusCode === 200
      ? { url, healthy: true, message: `healthy: ${health.model_name}` }
      : { url, healthy: false, message: `${health.status}: ${health.reason}` }
  } catch (error) {
    return { url, healthy: false, message: `no answer from ${url}: ${reasonOf(error)}` }
  }
}
