/**
 * Pictures that libvips does not read here: HEIC, and the first pages of a PDF. Their decoders are optional packages of
 * WebAssembly, which can't be interrupted and give no memory back: each picture gets a process of its own that ends
 * with it, with an error or when time is up, and that knows nothing of ours.
 */
import { fork } from 'node:child_process'
import { failure } from '../errors.ts'

export type IsolatedFormat = 'HEIC' | 'PDF'

/** Pixels as RGBA, 4 bytes each, upright. `page` counts from 1; pictures have none. */
export type Bitmap = { width: number; height: number; rgba: Buffer; page: number | null }

export type IsolatedLimits = {
  /** Of a picture, and of all pages together. */
  maxPixels: number
  /** Most pages of a PDF; it may have fewer. */
  pages: number
}

type Task = { format: IsolatedFormat; bytes: Uint8Array; limits: IsolatedLimits }

type Decoded = { width: number; height: number; rgba: Uint8Array; page: number | null }

type Reply =
  | { type: 'pictures'; pictures: Decoded[] }
  | { type: 'missing' }
  | { type: 'too large'; width: number; height: number }
  | { type: 'broken'; message: string }

const packages: Record<IsolatedFormat, string> = { HEIC: 'heic-decode', PDF: '@hyzyla/pdfium' }
/** Tells a process that it was started to decode. */
const argument = 'decode-one-picture'
const limitMs = 30_000
/** Enough to read small print; a PDF has 72 points to an inch. */
const dotsPerInch = 150
const pointsPerInch = 72

/** Rejects with a typed failure, or with the signal's reason. */
export async function decodeIsolated(
  format: IsolatedFormat,
  bytes: Buffer,
  limits: IsolatedLimits,
  signal: AbortSignal,
): Promise<Bitmap[]> {
  signal.throwIfAborted()
  const child = fork(import.meta.filename, [argument], {
    env: {},
    serialization: 'advanced',
    // Decoders talk about what they meet.
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  const reply = await new Promise<Reply>((resolve, reject) => {
    const timer = setTimeout(() => resolve({ type: 'broken', message: 'it took too long' }), limitMs)
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    child.once('message', (message) => resolve(message as Reply))
    // More than one may come: a process that can't be started can't be sent anything either.
    child.on('error', (error) => resolve({ type: 'broken', message: String(error) }))
    child.once('exit', () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
      resolve({ type: 'broken', message: 'its decoder ended' })
    })
    child.send({ format, bytes, limits } satisfies Task)
  }).finally(() => child.kill('SIGKILL'))
  switch (reply.type) {
    case 'pictures':
      return reply.pictures.map(({ rgba, ...picture }) => ({
        ...picture,
        rgba: Buffer.from(rgba.buffer, rgba.byteOffset, rgba.length),
      }))
    case 'missing':
      throw failure('decoder_missing', { format, package: packages[format] })
    case 'too large': {
      const { width, height } = reply
      const size = { width, height, actual: width * height, limit: limits.maxPixels }
      throw failure('image_too_large', size)
    }
    case 'broken':
      throw failure('corrupt_image', { format }, { cause: reply.message })
  }
}

async function decode({ format, bytes, limits }: Task): Promise<Reply> {
  return format === 'HEIC' ? decodeHeic(bytes, limits) : renderPdf(bytes, limits)
}

/** The part of `heic-decode` that is used; it brings no types. */
type HeicDecoder = {
  all(input: {
    buffer: Uint8Array
  }): Promise<{ width: number; height: number; decode(): Promise<{ data: Uint8ClampedArray }> }[]>
}

async function decodeHeic(bytes: Uint8Array, { maxPixels }: IsolatedLimits): Promise<Reply> {
  const { default: decoder } = (await import(packages.HEIC)) as { default: HeicDecoder }
  const [first] = await decoder.all({ buffer: bytes })
  if (!first) return { type: 'broken', message: 'it holds no picture' }
  const { width, height } = first
  if (width * height > maxPixels) return { type: 'too large', width, height }
  const { data } = await first.decode()
  return { type: 'pictures', pictures: [{ width, height, rgba: Uint8Array.from(data), page: null }] }
}

async function renderPdf(bytes: Uint8Array, { maxPixels, pages }: IsolatedLimits): Promise<Reply> {
  const { PDFiumLibrary } = await import('@hyzyla/pdfium')
  const document = await (await PDFiumLibrary.init()).loadDocument(bytes)
  const count = Math.min(pages, document.getPageCount())
  const pictures: Decoded[] = []
  for (let index = 0; index < count; index += 1) {
    const page = document.getPage(index)
    const { originalWidth, originalHeight } = page.getOriginalSize()
    const fitting = Math.sqrt(maxPixels / count / (originalWidth * originalHeight))
    const scale = Math.min(dotsPerInch / pointsPerInch, fitting)
    const { width, height, data } = await page.render({ scale, render: async (bitmap) => bitmap.data })
    pictures.push({ width, height, rgba: Uint8Array.from(data), page: index + 1 })
  }
  return { type: 'pictures', pictures }
}

function beDecoder(): void {
  process.once('message', async (task: Task) => {
    const reply = await decode(task).catch(
      (error: NodeJS.ErrnoException): Reply =>
        // Loaders that run in a thread of their own lose the code on the way.
        error.code === 'ERR_MODULE_NOT_FOUND' || /^Cannot find (package|module) /.test(error.message)
          ? { type: 'missing' }
          : { type: 'broken', message: String(error.message) },
    )
    process.send?.(reply)
  })
}

if (process.send && process.argv[2] === argument) beDecoder()
