/**
 * The engine's state: written by the supervisor alone, which tells what the states mean; read and waited for by
 * everybody else.
 */
import { EventEmitter, once } from 'node:events'
import { failure } from '../errors.ts'
import type { ModelFacts } from '../model/facts.ts'
import type { Log } from './log.ts'

export const engineStates = ['starting', 'loading', 'ready', 'failed', 'stopping'] as const

export type EngineState = (typeof engineStates)[number]

export type EngineStatus = {
  state: EngineState
  /** Why it is not ready, for a person. Undefined when it is. */
  reason: string | undefined
  /** When this state began. */
  since: Date
  restarts: number
  /** Known from `loading` on. */
  model: ModelFacts | undefined
  /** Of one request, in tokens; known from `loading` on. */
  contextTokens: number | undefined
  threads: number | undefined
  /** Of the process that runs now. */
  pid: number | undefined
}

const loadingRetrySeconds = 5
const failedRetrySeconds = 60

export function createStatus(log: Log) {
  const changes = new EventEmitter().setMaxListeners(0)
  /** It was ready, and is expected back within moments: who asks may wait for it. */
  let comingBack = false
  let status: EngineStatus = {
    state: 'starting',
    reason: 'the engine is starting',
    since: new Date(),
    restarts: 0,
    model: undefined,
    contextTokens: undefined,
    threads: undefined,
    pid: undefined,
  }

  /** Nothing comes after `stopping`. */
  function enter(state: EngineState, reason?: string, facts: Partial<EngineStatus> = {}): void {
    if (status.state === 'stopping') return
    status = { ...status, ...facts, state, reason, since: new Date() }
    if (state === 'ready') comingBack = true
    if (state === 'failed') comingBack = false
    const level = state === 'failed' ? 'error' : 'info'
    log[level]({ state, restarts: status.restarts }, `engine ${state}${reason ? `: ${reason}` : ''}`)
    changes.emit('change')
  }

  /** Throws `engine_loading` or `engine_failed` unless the engine is ready, or was and comes back. */
  function requireReady(): void {
    const { state, reason = '' } = status
    if (state === 'ready' || (comingBack && state !== 'stopping')) return
    if (state === 'stopping') throw failure('shutting_down', {}, { retryAfterSeconds: loadingRetrySeconds })
    if (state === 'failed')
      throw failure('engine_failed', { reason }, { retryAfterSeconds: failedRetrySeconds })
    throw failure('engine_loading', { reason }, { retryAfterSeconds: loadingRetrySeconds })
  }

  /** Waits through loading and restarts. Throws `engine_failed`, or the signal's reason. */
  async function ready(signal: AbortSignal): Promise<void> {
    while (status.state !== 'ready') {
      if (status.state === 'failed' || status.state === 'stopping') requireReady()
      await once(changes, 'change', { signal }).catch(() => signal.throwIfAborted())
    }
  }

  return {
    now: () => status,
    enter,
    /** The process is gone; the state stays until the supervisor knows what comes next. */
    processEnded(): void {
      status = { ...status, pid: undefined }
    },
    requireReady,
    ready,
  }
}
