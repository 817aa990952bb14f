/** One run of the engine, from its start to the end of its process: whatever is taken for it is gone afterwards. */
import { join } from 'node:path'
import type { ModelFacts } from '../model/facts.ts'
import type { ModelSettings } from '../model/settings.ts'
import type { startEngine } from './child.ts'
import { createEngineClient, type EngineClient } from './client.ts'
import { engineCommand } from './command.ts'
import { type AttemptEnd, diagnose, warningIn } from './diagnosis.ts'
import { socketName, withEngineFolder } from './folder.ts'
import { pulseOf } from './pulse.ts'
import { pause } from './timings.ts'
import { type Watched, watch } from './watch.ts'

export type Run = Omit<Watched, 'engine' | 'name' | 'pulse'> & {
  program: string
  startProcess: typeof startEngine
  settings: ModelSettings
  model: ModelFacts
  /** Ends the run for good. */
  stopping: AbortSignal
  /** The process runs and reads the model. */
  onLoading: (client: EngineClient, pid: number | undefined) => void
  onAnswered: () => void
  /** It is gone, or as good as that; nobody should be sent to it any more. */
  onLost: () => void
}

export function runEngine(run: Run): Promise<AttemptEnd> {
  return withEngineFolder((folder) => runIn(folder, run))
}

async function runIn(folder: string, run: Run): Promise<AttemptEnd> {
  const { program, startProcess, settings, model, threads, stopping, times, log } = run
  const socketPath = join(folder, socketName)
  const command = engineCommand(settings, model, { threads, socketPath, homePath: folder })
  log.debug({ program, arguments: command.arguments }, 'engine command')
  const child = startProcess(program, command, folder, (line) => {
    log.debug({ line }, 'engine')
    const warning = warningIn(line)
    if (warning) log.warn({}, warning)
  })
  const over = new AbortController()
  const ended = child.ended.then((end) => {
    over.abort()
    return diagnose(end)
  })
  const onStop = () => child.stop()
  stopping.addEventListener('abort', onStop)
  if (stopping.aborted) child.stop()
  const lost = new AbortController()
  const client = createEngineClient(socketPath, {
    onAnswered: run.onAnswered,
    onLost: () => {
      run.onLost()
      lost.abort()
    },
  })
  try {
    const { path, mmprojPath, architecture, contextLength, description } = model
    const { contextTokens } = settings
    const found = { path, mmprojPath, architecture, contextLength, contextTokens, description, threads }
    log.info(found, 'model found')
    run.onLoading(client, child.pid)
    let wasReady = false
    const onReady = () => {
      wasReady = true
      run.onReady()
    }
    /** What ends an engine that was ready is a request, or chance; before, as a rule, what it was given to load. */
    const seen = ({ sentence, retry }: AttemptEnd): AttemptEnd => {
      if (!wasReady) return { sentence, retry }
      return { sentence, retry: client.conduct.endedAtWork() ? 'soon' : 'backoff' }
    }
    const watched = { ...run, onReady, engine: client, name: settings.name, pulse: pulseOf(child.pid) }
    const fault = await Promise.race([ended, watch(watched, over.signal), whenLost(lost.signal)])
    // What looks like a fault of an engine that runs is often the first sign that it just died.
    await pause(times.lastWords, over.signal)
    return seen(over.signal.aborted ? await ended : fault)
  } finally {
    // Whatever the run breaks off for.
    if (!over.signal.aborted) child.kill()
    await ended
    stopping.removeEventListener('abort', onStop)
    await client.close()
  }
}

const whenLost = (signal: AbortSignal): Promise<AttemptEnd> =>
  new Promise((resolve) => {
    const sentence = 'The engine broke off its work on a request and was ended'
    signal.addEventListener('abort', () => resolve({ sentence, retry: 'backoff' }))
  })
