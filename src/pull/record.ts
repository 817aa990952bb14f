/** What was pulled into a folder, by its source, for `MODEL_NAME=hf:...` to find. */
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pulledFile, pulledFrom } from '../model/locate.ts'
import { staleSeconds, withLock } from './lock.ts'

/** Adds `source`, the model's file first. Pulls that end at the same time wait for each other, so none is lost. */
export async function recordPulled(folder: string, source: string, names: string[]): Promise<void> {
  const path = join(folder, pulledFile)
  const taken = `${path} is held by another pull for too long; pull again`
  // Turns are short, unless who had one was killed: then it is taken over first.
  await withLock(`${path}.lock`, { taken, waitSeconds: 2 * staleSeconds }, async () => {
    const part = `${path}.part`
    await writeFile(part, `${JSON.stringify({ ...(await pulledFrom(folder)), [source]: names }, null, 2)}\n`)
    await rename(part, path)
  })
}
