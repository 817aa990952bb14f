/**
 * Pictures as they come to a folder, by looking again and again: what file servers tell of changes does not reach those
 * who mount them. A file that changed between two looks is still being written.
 */
import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '../../errors.ts'
import { type Photos, photosBelow } from './photo-folder.ts'

export type ArrivalsOptions = {
  signal: AbortSignal
  /** Between two looks; as long as the last one took, where that is longer. */
  pauseMs: number
  /** Hears, once, that the folder cannot be read; it may be a disk that comes back. */
  note: (sentence: string) => void
}

/** By path, what tells a file that was changed from what it was. */
type Marks = ReadonlyMap<string, string>

/**
 * Each time there are some, the pictures that are new or changed since they were given; first those that are there.
 * Ends when the signal fires.
 */
export async function* arrivals(
  folder: string,
  { signal, pauseMs, note }: ArrivalsOptions,
): AsyncGenerator<Photos> {
  let seen: Marks = new Map()
  const given = new Map<string, string>()
  let missed = false
  while (!signal.aborted) {
    const began = performance.now()
    try {
      const { pictures, skipped } = await photosBelow(folder)
      const marks = await marksOf(folder, pictures)
      const fresh = [...marks].filter(([path, mark]) => seen.get(path) === mark && given.get(path) !== mark)
      for (const [path, mark] of fresh) given.set(path, mark)
      for (const path of given.keys()) if (!marks.has(path)) given.delete(path)
      seen = marks
      missed = false
      if (fresh.length > 0) yield { pictures: fresh.map(([path]) => path), skipped }
    } catch (error) {
      if (!missed) note(`${folder} cannot be read and is looked for again: ${messageOf(error)}`)
      missed = true
    }
    await sleep(Math.max(pauseMs, performance.now() - began), undefined, { signal }).catch(() => {})
  }
}

async function marksOf(folder: string, paths: readonly string[]): Promise<Marks> {
  const marks = new Map<string, string>()
  for (const path of paths) {
    // It may have gone again.
    const stats = await lstat(join(folder, path)).catch(() => undefined)
    if (stats) marks.set(path, `${stats.size} ${stats.mtimeMs} ${stats.ino}`)
  }
  return marks
}
