/**
 * `llama-vision caption FOLDER`: one question about every picture below a folder. What is done is in the file at once,
 * what failed is told at the end and tried again by the next run.
 */
import { constants } from 'node:fs'
import { join } from 'node:path'
import PQueue from 'p-queue'
import { settings } from '../../config.ts'
import type { InferResponse } from '../../doors/infer/schema.ts'
import { messageOf } from '../../errors.ts'
import { hundredths } from '../../hundredths.ts'
import { openPlain, readWhole } from '../../plain-file.ts'
import { withLock } from '../../pull/lock.ts'
import { type ServiceChoice, withService } from '../with-service.ts'
import { writeSidecar } from '../xmp-sidecar.ts'
import type { AnswerSchema } from './answer-schema.ts'
import { type Asked, askedAbout, fieldsFor } from './asked.ts'
import { type CaptionFile, openCaptions } from './caption-file.ts'
import type { Caption } from './caption-format.ts'
import { createPatience, Hopeless } from './patience.ts'
import { photosBelow, pictureName, type Skipped } from './photo-folder.ts'
import { pictureSize } from './picture-size.ts'
import { type Sendable, sendable } from './sendable.ts'
import { createTimeLeft, type TimeLeft } from './time-left.ts'

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

/** No service takes more than this. */
const mostBytes = (settings.properties.MAX_BODY_MIB.maximum ?? 0) * 1024 ** 2

/** It may have become a link or a giant since it was found. */
async function readPhoto(path: string): Promise<Buffer> {
  const file = await openPlain(path, constants.O_RDONLY)
  try {
    return await readWhole(file, mostBytes)
  } finally {
    await file.close()
  }
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
  const result: Omit<CaptionResult, 'skipped'> = { captioned: 0, before, failures: [], keptSidecars: [] }
  if (open.length === 0) return result
  // Answers that cannot be written are asked for in vain, and so are those of nobody.
  const inVain = new AbortController()
  const signal = AbortSignal.any([options.signal, inVain.signal])
  await withService(options, note, async ({ url, key, slots }) => {
    const atOnce = options.parallel ?? slots
    const timeLeft = createTimeLeft()
    for (const path of open) timeLeft.expect(path)
    const patience = createPatience({ url, key, signal, note, patienceSeconds })
    const queue = new PQueue({ concurrency: atOnce })
    const report = () => {
      const done = result.captioned + result.failures.length
      options.progress({
        done,
        failed: result.failures.length,
        total: open.length,
        secondsLeft: timeLeft.seconds(atOnce),
      })
    }
    report()
    const one = async (path: string) => {
      if (signal.aborted) return
      try {
        const photo = await sendable(await readPhoto(join(options.folder, path)))
        let tiles = 0
        const picture = new Blob([photo.bytes])
        const answer = await patience.ask(picture, prompt, fieldsFor(path, fields), (heard) => {
          if (heard.event === 'progress' && heard.data.stage === 'image') tiles += heard.data.image.tiles ?? 1
        })
        const { total, queue: waited } = answer.metadata.timings_ms
        timeLeft.answered(path, Math.max(1, tiles), (total - waited) / 1000)
        requireFollowed(answer)
        // Before the caption is kept: a picture whose sidecar cannot be written is tried again.
        if (options.xmp && (await writeSidecar(join(options.folder, path), answer.response_text)) === 'kept')
          result.keptSidecars.push(path)
        await captions.add(captionOf({ path, asked: asked(path), photo, answer })).catch((error) => {
          inVain.abort(error)
          throw error
        })
        result.captioned += 1
      } catch (error) {
        if (error instanceof Hopeless) inVain.abort(error)
        if (signal.aborted) return
        timeLeft.failed(path)
        result.failures.push({ path, message: messageOf(error) })
      }
      report()
    }
    const measuring = measure(options.folder, open, timeLeft, signal)
    await queue.addAll(open.map((path) => () => one(path)))
    await measuring
  })
  inVain.signal.throwIfAborted()
  return result
}

/** Beside the questions, one after the other: it is only for the time left. */
async function measure(
  folder: string,
  paths: readonly string[],
  timeLeft: TimeLeft,
  signal: AbortSignal,
): Promise<void> {
  for (const path of paths) {
    if (signal.aborted || !timeLeft.isToCome(path)) continue
    const size = await pictureSize(join(folder, path))
    if (size) timeLeft.measured(path, size)
  }
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
