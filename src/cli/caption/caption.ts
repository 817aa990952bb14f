/**
 * `llama-vision caption FOLDER`: one question about every picture below a folder, and about those that come while it
 * watches. What is done is in the file at once, what failed is told at the end and tried again by the next run.
 */
import { withLock } from '../../pull/lock.ts'
import { type ChosenService, chooseService, type ServiceChoice } from '../with-service.ts'
import type { AnswerSchema } from './answer-schema.ts'
import { arrivals } from './arrivals.ts'
import { askedAbout } from './asked.ts'
import { type CaptionFile, openCaptions } from './caption-file.ts'
import { type Captioner, createCaptioner } from './captioner.ts'
import { type Photos, photosBelow, pictureName, type Skipped } from './photo-folder.ts'

export type CaptionOptions = ServiceChoice & {
  folder: string
  prompt: string
  /** What answers are to follow; undefined leaves them free. */
  schema: AnswerSchema | undefined
  /** File of the captions; `.csv` makes it CSV. */
  out: string
  /** Pictures at once; undefined takes the service's slots. */
  parallel: number | undefined
  fields: Record<string, string>
  /** How long a service that does not answer is waited for. */
  patienceSeconds: number
  /** Between two looks for further pictures, until the signal fires; undefined takes those that are there. */
  watchSeconds: number | undefined
  /** Whether each picture gets a sidecar of XMP. */
  xmp: boolean
  progress: (progress: CaptionProgress) => void
  note: (sentence: string) => void
}

/** `secondsLeft` is undefined until the first picture is done. */
export type CaptionProgress = { done: number; failed: number; total: number; secondsLeft: number | undefined }

export type CaptionResult = {
  captioned: number
  /** Those that had an answer to this question. */
  before: number
  failures: { path: string; message: string }[]
  /** What was not asked about. */
  skipped: Skipped[]
  /** Pictures whose sidecars have a description of somebody else's, or cannot be understood. */
  keptSidecars: string[]
}

export async function caption(options: CaptionOptions): Promise<CaptionResult> {
  const { folder, out, watchSeconds } = options
  const there = await photosBelow(folder)
  if (there.pictures.length === 0 && watchSeconds === undefined)
    throw new Error(`There are no pictures in ${folder}`)
  if (pictureName.test(out)) throw new Error(`${out} is the name of a picture; name a file for the captions`)
  const taken = `Another run writes ${out}; wait for it, or name another file for the captions`
  return withLock(`${out}.lock`, { taken, owner: 'run' }, async (lost) => {
    const captions = await openCaptions(out, options.schema?.columns ?? [], options.note)
    try {
      const signal = AbortSignal.any([options.signal, lost])
      const batches =
        watchSeconds === undefined
          ? [there]
          : arrivals(folder, { signal, pauseMs: watchSeconds * 1000, note: options.note })
      const result = await captionAll(batches, captions, { ...options, signal })
      lost.throwIfAborted()
      return result
    } finally {
      await captions.close()
    }
  })
}

/** A service is chosen when there is something to ask. */
async function captionAll(
  batches: Iterable<Photos> | AsyncIterable<Photos>,
  captions: CaptionFile,
  options: CaptionOptions,
): Promise<CaptionResult> {
  const { prompt, note, schema } = options
  const fields = { ...options.fields, ...(schema && { json_schema: schema.text }) }
  const asked = (path: string) => askedAbout(path, { prompt, fields })
  const result: CaptionResult = { captioned: 0, before: 0, failures: [], skipped: [], keptSidecars: [] }
  let service: ChosenService | undefined
  let captioner: Captioner | undefined
  try {
    for await (const { pictures, skipped } of batches) {
      const open = pictures.filter((path) => !captions.has(path, asked(path)))
      result.before += pictures.length - open.length
      result.skipped = skipped
      if (open.length === 0) continue
      service ??= await chooseService(options, note)
      captioner ??= createCaptioner(service, { ...options, fields, asked, captions, result })
      await captioner(open)
    }
  } finally {
    await service?.stop?.()
  }
  return result
}
