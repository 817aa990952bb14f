/**
 * `llama-vision caption FOLDER`: one question about every picture below a folder. What is done is in the file at once,
 * what failed is told at the end and tried again by the next run.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import PQueue from 'p-queue'
import type { InferResponse } from '../../doors/infer/schema.ts'
import { messageOf } from '../../errors.ts'
import { hundredths } from '../../hundredths.ts'
import { withLock } from '../../pull/lock.ts'
import { type ServiceChoice, withService } from '../with-service.ts'
import type { AnswerSchema } from './answer-schema.ts'
import { type Asked, askedAbout, fieldsFor } from './asked.ts'
import { type CaptionFile, openCaptions } from './caption-file.ts'
import type { Caption } from './caption-format.ts'
import { createPatience, Hopeless } from './patience.ts'
import { photosBelow, pictureName, type Skipped } from './photo-folder.ts'
import { type Sendable, sendable } from './sendable.ts'

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
}

export async function caption(options: CaptionOptions): Promise<CaptionResult> {
  const { folder, out } = options
  const { pictures, skipped } = await photosBelow(folder)
  if (pictures.length === 0) throw new Error(`There are no pictures in ${folder}`)
  if (pictureName.test(out)) throw new Error(`${out} is the name of a picture; name a file for the captions`)
  const taken = `Another run writes ${out}; wait for it, or name another file for the captions`
  return withLock(`${out}.lock`, { taken, owner: 'run' }, async (lost) => {
    const captions = await openCaptions(out, options.schema?.columns ?? [], options.note)
    try {
      const signal = AbortSignal.any([options.signal, lost])
      const result = await captionAll(pictures, captions, { ...options, signal })
      lost.throwIfAborted()
      return { ...result, skipped }
    } finally {
      await captions.close()
    }
  })
}

async function captionAll(
  pictures: string[],
  captions: CaptionFile,
  options: CaptionOptions,
): Promise<Omit<CaptionResult, 'skipped'>> {
  const { prompt, note, schema, patienceSeconds } = options
  const fields = { ...options.fields, ...(schema && { json_schema: schema.text }) }
  const asked = (path: string) => askedAbout(path, { prompt, fields })
  const open = pictures.filter((path) => !captions.has(path, asked(path)))
  const before = pictures.length - open.length
  const result: Omit<CaptionResult, 'skipped'> = { captioned: 0, before, failures: [] }
  if (open.length === 0) return result
  // Answers that cannot be written are asked for in vain, and so are those of nobody.
  const inVain = new AbortController()
  const signal = AbortSignal.any([options.signal, inVain.signal])
  await withService(options, note, async ({ url, key, slots }) => {
    const began = performance.now()
    const patience = createPatience({ url, key, signal, note, patienceSeconds })
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
        const photo = await sendable(await readFile(join(options.folder, path)))
        const answer = await patience.ask(new Blob([photo.bytes]), prompt, fieldsFor(path, fields))
        requireFollowed(answer)
        await captions.add(captionOf({ path, asked: asked(path), photo, answer })).catch((error) => {
          inVain.abort(error)
          throw error
        })
        result.captioned += 1
      } catch (error) {
        if (error instanceof Hopeless) inVain.abort(error)
        if (signal.aborted) return
        result.failures.push({ path, message: messageOf(error) })
      }
      report()
    }
    await queue.addAll(open.map((path) => () => one(path)))
  })
  inVain.signal.throwIfAborted()
  return result
}

type Captioned = { path: string; asked: Asked; photo: Sendable; answer: InferResponse }

const captionOf = ({
  path,
  asked,
  photo: { scaledFrom },
  answer: { response_text, model, timestamp, metadata },
}: Captioned): Caption => ({
  path,
  text: response_text,
  model,
  finish_reason: metadata.finish_reason,
  width: scaledFrom?.width ?? metadata.image.width,
  height: scaledFrom?.height ?? metadata.image.height,
  seconds: hundredths(metadata.timings_ms.total / 1000),
  time: timestamp,
  ...asked,
  ...(metadata.json && { answer: JSON.parse(response_text) }),
})

/** What does not follow its schema would be an empty row. */
function requireFollowed({ metadata: { json } }: InferResponse): void {
  if (json && !json.valid) throw new Error(json.message ?? 'the answer does not follow the schema')
}
