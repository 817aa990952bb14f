/** `llama-vision setup`: what an installed package needs before it can serve, with progress on stderr. */
import { engineBuild } from '../engine/child.ts'
import { confinement } from '../engine/confinement.ts'
import { type Places, places } from '../engine/places.ts'
import { setUp } from '../setup/setup.ts'
import { pullProgress } from './pull-command.ts'

/** By which a person, a system or a terminal that closes ends it. */
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** The command. Throws as `setUp` does; a signal ends it with what was compiled or fetched kept. */
export async function setUpCommand(
  env: NodeJS.ProcessEnv,
  installPackages: boolean,
  at: Places = places,
): Promise<void> {
  const stop = new AbortController()
  const onSignal = () =>
    stop.abort(new Error('Stopped. What is done is kept: the same command goes on where it ended'))
  for (const name of signals) process.once(name, onSignal)
  const tell = (sentence: string) => console.error(`setup: ${sentence}`)
  const line = pullProgress(process.stderr)
  try {
    const program = await setUp({
      ...{ env, places: at, installPackages, tell },
      progress: line.show,
      signal: stop.signal,
    })
    line.end()
    const { version } = await engineBuild(program)
    tell((await confinement(at.confine)).sentence)
    console.log(`The engine is ready: ${program}, version ${version}`)
  } finally {
    line.end()
    for (const name of signals) process.off(name, onSignal)
  }
}
