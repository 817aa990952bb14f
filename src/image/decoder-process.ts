/**
 * The program of a decoder process: reads one picture from its input, and writes what the model is to see of it, or why
 * that can't be, to descriptor 3. Decoders print what they meet to the usual ones.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { Failure, messageOf } from '../errors.ts'
import { bmpPicture } from './bmp.ts'
import { allowLoader, readHeader } from './decode.ts'
import { type Refusal, refused, spoken, spokenPicture, type Task } from './decoder-reply.ts'
import { heicPicture } from './heic.ts'
import { jpeg2000Picture } from './jpeg2000.ts'
import { pdfPages } from './pdf.ts'
import { type Picture, pictureOf, planOf } from './picture.ts'

const input = 0
const output = 3

async function* picturesOf(task: Task, bytes: Buffer): AsyncGenerator<Picture> {
  const { format, maxPixels, framing } = task
  if (format === 'PDF') return yield* pdfPages(bytes, maxPixels, framing)
  if (format === 'HEIC') return yield await heicPicture(bytes, maxPixels, framing)
  if (format === 'BMP') return yield await bmpPicture(bytes, maxPixels, framing)
  if (format === 'JPEG 2000') return yield await jpeg2000Picture(bytes, maxPixels, framing)
  allowLoader(format)
  const plan = task.plan ?? planOf(format, await readHeader(bytes, maxPixels), framing)
  yield await pictureOf(format, bytes, plan)
}

const ranOut =
  /(out of|not enough|insufficient) memory|memory limit|alloc|exceeds system limits|exhausted|aborted\(|unreachable|call stack/i

function refusal(error: unknown): Buffer {
  const cause = messageOf(error)
  if (error instanceof Failure) {
    const { width, height } = error.facts as { width?: number; height?: number }
    const size = width && height ? { width, height } : undefined
    // The failures of this folder are those that a refusal may have.
    return refused(error.code as Refusal['code'], error.cause ? messageOf(error.cause) : cause, size)
  }
  // Loaders that run in a thread of their own lose the code on the way.
  const missing =
    (error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND' ||
    /^Cannot find (package|module) /.test(cause)
  if (missing) return refused('decoder_missing', cause)
  return refused(ranOut.test(cause) ? 'image_too_costly' : 'corrupt_image', cause)
}

/** Decoders also throw where nobody can catch it. */
function leave(error: unknown): never {
  writeFileSync(output, refusal(error))
  process.exit(0)
}
process.on('uncaughtException', leave)
// With a listener it does not open Node's debugger.
process.on('SIGUSR1', () => {})

const received = readFileSync(input)
const headEnd = received.indexOf('\n')
// Written by our own service.
const task = JSON.parse(received.toString('utf8', 0, headEnd)) as Task
for await (const picture of picturesOf(task, received.subarray(headEnd + 1))) {
  writeFileSync(output, spokenPicture(picture))
}
writeFileSync(output, spoken({ type: 'done' }))
