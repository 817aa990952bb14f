/** One run of the engine, from its start to the end of its process: whatever is taken for it is gone afterwards. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ModelFacts } from '../model/facts.ts'
import type { ModelSettings } from '../model/settings.ts'
import type { startEngine } from './child.ts'
import { createEngineClient, type EngineClient } from './client.ts'
import { engineCommand } from './command.ts'
import { type AttemptEnd, diagnose, warningIn } from './diagnosis.ts'
import { makeEngineFolder, socketName } from './folder.ts'
import { type Watched, watch } from './watch.ts'

export type Run = Omit<Watched, 'engine' | 'name'> & {
  program: string
  startProcess: typeof startEngine
  settings: ModelSettings
  model: ModelFacts
  threads: number
  /** Ends the run for good. */
  stopping: AbortSignal
  /** The process runs and reads the model. */
  onLoading: (client: EngineClient, pid: number | undefined) => void
}

export async function runEngine(run: Run): Promise<AttemptEnd> {
  const { program, startProcess, settings, model, threads, stopping, times, log } = run
  const folder = await makeEngineFolder()
  const socketPath = join(folder, socketName)
  const command = engineCommand(settings, model, { threads, socketPath, homePath: folder })
  log.debug({ program, arguments: command.arguments }, 'engine command')
  const child = startProcess(program, command, folder, (line) => {
    log.debug({ line }, 'engine')
    const warning = warningIn(line)
    if (warning) log.warn({}, warning)
  })
  const over = new AbortController()
  const onStop = () => child.stop()
  stopping.addEventListener('abort', onStop, { once: true })
  if (stopping.aborted) child.stop()
  const client = createEngineClient(socketPath)
  try {
    const { path, mmprojPath, architecture, contextLength, description } = model
    log.info({ path, mmprojPath, architecture, contextLength, description, threads }, 'model found')
    run.onLoading(client, child.pid)
    const ended = child.ended.then((end) => {
      over.abort()
      return diagnose(end)
    })
    const verdict = await Promise.race([
      ended,
      watch({ ...run, engine: client, name: settings.name }, over.signal),
    ])
    if ('retry' in verdict) {
      // What looks like a fault of an engine that runs is often the first sign that it just died.
      const end = await Promise.race([ended, sleep(times.lastWords)])
      child.kill()
      await ended
      if (!end) return verdict
    }
    const { sentence, restartHelps } = await ended
    return { sentence, retry: restartHelps ? 'backoff' : 'when files change' }
  } finally {
    over.abort()
    stopping.removeEventListener('abort', onStop)
    await client.close()
    await rm(folder, { recursive: true, force: true })
  }
}
