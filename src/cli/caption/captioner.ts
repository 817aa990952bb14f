/** One question about each of many pictures: asked, kept, and counted, as many at once as the service has slots. */
import { constants } from 'node:fs'
import { join } from 'node:path'
import PQueue from 'p-queue'
import { settings } from '../../config.ts'
import type { InferResponse } from '../../doors/infer/schema.ts'
import { messageOf } from '../../errors.ts'
import { hundredths } from '../../hundredths.ts'
import { openPlain, readWhole } from '../../plain-file.ts'
import type { ChosenService } from '../with-service.ts'
import { writeSidecar } from '../xmp-sidecar.ts'
import { type Asked, fieldsFor } from './asked.ts'
import type { CaptionOptions, CaptionResult } from './caption.ts'
import type { CaptionFile } from './caption-file.ts'
import type { Caption } from './caption-format.ts'
import { createPatience, Hopeless } from './patience.ts'
import { pictureSize } from './picture-size.ts'
import { type Sendable, sendable } from './sendable.ts'
import { createTimeLeft, type TimeLeft } from './time-left.ts'

export type Captioning = CaptionOptions & {
  asked: (path: string) => Asked
  captions: CaptionFile
  /** Counts what is done. */
  result: CaptionResult
}

/** Asks about pictures, once or again and again. Rejects when further questions are in vain. */
export type Captioner = (paths: readonly string[]) => Promise<void>

export function createCaptioner(
  { url, key, slots }: ChosenService,
  { folder, prompt, fields, xmp, asked, captions, result, ...options }: Captioning,
): Captioner {
  // Answers that cannot be written are asked for in vain, and so are those of nobody.
  const inVain = new AbortController()
  const signal = AbortSignal.any([options.signal, inVain.signal])
  const { note, patienceSeconds } = options
  const patience = createPatience({ url, key, signal, note, patienceSeconds })
  const atOnce = options.parallel ?? slots
  const queue = new PQueue({ concurrency: atOnce })
  const timeLeft = createTimeLeft()
  let total = 0

  function report(): void {
    const failed = result.failures.length
    const done = result.captioned + failed
    options.progress({ done, failed, total, secondsLeft: timeLeft.seconds(atOnce) })
  }

  async function captionOne(path: string): Promise<void> {
    const photo = await sendable(await readPhoto(join(folder, path)))
    const answer = await patience.ask(new Blob([photo.bytes]), prompt, fieldsFor(path, fields))
    timeLeft.answered(path, tilesOf(answer), workSecondsOf(answer))
    requireFollowed(answer)
    // Before the caption is kept: a picture whose sidecar cannot be written is tried again.
    if (xmp && (await writeSidecar(join(folder, path), answer.response_text)) === 'kept')
      result.keptSidecars.push(path)
    await captions.add(captionOf({ path, asked: asked(path), photo, answer })).catch((error) => {
      inVain.abort(error)
      throw error
    })
    result.captioned += 1
  }

  async function tried(path: string): Promise<void> {
    if (signal.aborted) return
    try {
      await captionOne(path)
    } catch (error) {
      if (error instanceof Hopeless) inVain.abort(error)
      if (signal.aborted) return
      timeLeft.failed(path)
      result.failures.push({ path, message: messageOf(error) })
    }
    report()
  }

  return async (paths) => {
    total += paths.length
    for (const path of paths) timeLeft.expect(path)
    report()
    const measuring = measure(folder, paths, timeLeft, signal)
    await queue.addAll(paths.map((path) => () => tried(path)))
    await measuring
    inVain.signal.throwIfAborted()
  }
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

const tilesOf = ({ metadata: { images } }: InferResponse): number =>
  images.reduce((sum, { tiles }) => sum + (tiles ?? 1), 0)

const workSecondsOf = ({ metadata: { timings_ms } }: InferResponse): number =>
  (timings_ms.total - timings_ms.queue) / 1000

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
