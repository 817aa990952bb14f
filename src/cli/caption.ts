/**
 * `llama-vision caption FOLDER`: one question about every picture below a folder. What is done is in the file at once,
 * what failed is told at the end and tried again by the next run.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import PQueue from 'p-queue'
import type { InferResponse } from '../doors/infer/schema.ts'
import { messageOf } from '../errors.ts'
import { type AskOptions, ask, Refusal } from './ask.ts'
import { type CaptionFile, openCaptions } from './caption-file.ts'
import { type ServiceChoice, withService } from './with-service.ts'

export type CaptionOptions = ServiceChoice & {
  folder: string
  prompt: string
  /** File of the captions; `.csv` makes it CSV. */
  out: string
  /** Pictures at once; undefined takes the service's slots. */
  parallel: number | undefined
  fields: Record<string, string>
  progress: (progress: CaptionProgress) => void
  note: (sentence: string) => void
}

/** `secondsLeft` is undefined until the first picture is done. */
export type CaptionProgress = { done: number; failed: number; total: number; secondsLeft: number | undefined }

export type CaptionResult = {
  captioned: number
  before: number
  failures: { path: string; message: string }[]
}

const pictureName = /\.(jpe?g|png|webp|gif|tiff?|avif|heic|heif)$/i
const mostTries = 5
const longestPauseSeconds = 60

export async function caption(options: CaptionOptions): Promise<CaptionResult> {
  const { folder, out } = options
  const pictures = await picturesBelow(folder)
  if (pictures.length === 0) throw new Error(`There are no pictures in ${folder}`)
  if (pictureName.test(out)) throw new Error(`${out} is the name of a picture; name a file for the captions`)
  const captions = await openCaptions(out, options.note)
  try {
    return await captionAll(pictures, captions, options)
  } finally {
    await captions.close()
  }
}

async function captionAll(
  pictures: string[],
  captions: CaptionFile,
  options: CaptionOptions,
): Promise<CaptionResult> {
  const open = pictures.filter((path) => !captions.has(path))
  const result: CaptionResult = { captioned: 0, before: pictures.length - open.length, failures: [] }
  if (open.length === 0) return result
  // Answers that cannot be written are asked for in vain.
  const unwritable = new AbortController()
  const signal = AbortSignal.any([options.signal, unwritable.signal])
  await withService(options, options.note, async ({ url, key, slots }) => {
    const began = performance.now()
    const queue = new PQueue({ concurrency: options.parallel ?? slots })
    const report = () => {
      const done = result.captioned + result.failures.length
      const secondsEach = (performance.now() - began) / 1000 / done
      options.progress({
        done,
        failed: result.failures.length,
        total: open.length,
        secondsLeft: done === 0 ? undefined : secondsEach * (open.length - done),
      })
    }
    report()
    const one = async (path: string) => {
      if (signal.aborted) return
      try {
        const asking = { ...options, url, key, signal }
        const answer = await patiently(join(options.folder, path), options.prompt, asking)
        await captions.add(captionOf(path, answer)).catch((error) => {
          unwritable.abort(error)
          throw error
        })
        result.captioned += 1
      } catch (error) {
        if (signal.aborted) return
        result.failures.push({ path, message: messageOf(error) })
      }
      report()
    }
    await queue.addAll(open.map((path) => () => one(path)))
  })
  unwritable.signal.throwIfAborted()
  return result
}

/** Paths relative to the folder, in order; hidden ones are left out. */
async function picturesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile() && pictureName.test(entry.name))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((path) => !path.split('/').some((name) => name.startsWith('.')))
    .sort()
}

/** A busy or restarting service says when to come back. */
async function patiently(path: string, prompt: string, options: AskOptions): Promise<InferResponse> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await ask(new Blob([await readFile(path)]), prompt, options)
    } catch (error) {
      const wait = error instanceof Refusal ? error.retryAfterSeconds : undefined
      if (wait === undefined || tries === mostTries) throw error
      await sleep(Math.min(wait, longestPauseSeconds) * 1000, undefined, { signal: options.signal })
    }
  }
}

const captionOf = (path: string, { response_text, model, timestamp, metadata }: InferResponse) => ({
  path,
  text: response_text,
  model,
  finish_reason: metadata.finish_reason,
  width: metadata.image.width,
  height: metadata.image.height,
  seconds: metadata.timings_ms.total / 1000,
  time: timestamp,
})
