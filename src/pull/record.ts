/** What was pulled into a folder, by its source, for `MODEL_NAME=hf:...` to find. */
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { Static } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { pulledFile, pulledSchema } from '../model/locate.ts'
import { sourceName } from '../model/source-name.ts'
import { staleSeconds, withLock } from './lock.ts'
import { readOwn, writeOwn, writing } from './own-file.ts'
import { PullProblem } from './requests.ts'

/** The list as it is. Throws `PullProblem` for a file of that name that is none: it would be overwritten. */
export async function pulledList(folder: string): Promise<Static<typeof pulledSchema>> {
  const path = join(folder, pulledFile)
  const list = (await readOwn(path)) ?? {}
  if (Value.Check(pulledSchema, list)) return list
  throw new PullProblem(`${path} is no list of what was pulled. Remove or rename it first`)
}

/** Adds `source`, the model's file first. Pulls that end at the same time wait for each other, so none is lost. */
export async function recordPulled(folder: string, source: string, names: string[]): Promise<void> {
  const path = join(folder, pulledFile)
  const taken = `${path} is held by another pull for too long; pull again`
  // Turns are short, unless who had one was killed: then it is taken over first.
  await withLock(`${path}.lock`, { taken, waitSeconds: 2 * staleSeconds }, async () => {
    const part = `${path}.part`
    const known = Object.entries(await pulledList(folder))
    const list = Object.fromEntries(
      [...known, [source, names] as const].map(([of, files]) => [sourceName(of), files]),
    )
    await writeOwn(part, list)
    await writing(path, () => rename(part, path))
  })
}
