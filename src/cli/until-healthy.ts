/** Waits for a service that was just started, for whoever asks it first: a command, the demo, a bench. */
import { setTimeout as sleep } from 'node:timers/promises'
import { request } from 'undici'
import type { Health } from '../doors/status.ts'

export type Waiting = {
  signal?: AbortSignal
  /** Hears what is waited for, once each time it changes. */
  tell?: (sentence: string) => void
}

const pollMs = 100

/**
 * Resolves once the service at `url` says that it is healthy. Throws its reason when its engine has failed, the
 * signal's reason when that fires, and whatever the connection does when nobody listens.
 */
export async function untilHealthy(url: string, { signal, tell = () => {} }: Waiting = {}): Promise<void> {
  for (let told = ''; ; await sleep(pollMs)) {
    signal?.throwIfAborted()
    const { statusCode, body } = await request(`${url}/health`)
    const { engine, reason } = (await body.json()) as Health
    if (statusCode === 200) return
    if (engine.state === 'failed') throw new Error(reason ?? 'The model cannot be used')
    if (reason && reason !== told) tell(reason)
    told = reason ?? told
  }
}
