/**
 * Memory that decoding takes by format, in bytes a pixel: what src/image/memory.ts counts with. Each picture is decoded
 * in a process of its own, whose peak is compared with what it had before. `node --import tsx bench/picture-memory.ts`
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ImageMagick, initializeImageMagick, MagickFormat } from '@imagemagick/magick-wasm'
import sharp, { type Sharp } from 'sharp'
import { bmpPicture } from '../src/image/bmp.ts'
import { allowLoader, isReadHere, readHeader } from '../src/image/decode.ts'
import { heicPicture } from '../src/image/heic.ts'
import { jpeg2000Picture } from '../src/image/jpeg2000.ts'
import { neededBytes } from '../src/image/memory.ts'
import { pictureOf, planOf } from '../src/image/picture.ts'
import type { Format } from '../src/image/recognise.ts'
import { bmp } from '../test/support/bmp.ts'
import { heicGrid } from '../test/support/bombs/heif.ts'

const size = { width: 4000, height: 3000 }
const framing = { detail: 'auto', tiling: undefined, pages: 1 } as const
const mib = 1024 ** 2

/** Grain over colours that change slowly: neither flat nor noise. */
async function photo(): Promise<Sharp> {
  const background = { r: 120, g: 130, b: 140 }
  const grain = { type: 'gaussian', mean: 128, sigma: 12 } as const
  const bytes = await sharp({ create: { ...size, channels: 3, background, noise: grain } })
    .raw()
    .toBuffer()
  return sharp(bytes, { raw: { ...size, channels: 3 } })
}

async function jpeg2000(png: Buffer): Promise<Buffer> {
  const wasm = fileURLToPath(import.meta.resolve('@imagemagick/magick-wasm/magick.wasm'))
  await initializeImageMagick(readFileSync(wasm))
  return ImageMagick.read(png, (image) => {
    image.quality = 40
    return image.write(MagickFormat.Jp2, (bytes) => Buffer.from(bytes))
  })
}

type Case = [string, Format, () => Promise<Buffer>]

async function cases(): Promise<Case[]> {
  const plain = await photo()
  const seen = () => plain.clone()
  const deep = () => seen().ensureAlpha().toColourspace('rgb16')
  return [
    ['JPEG', 'JPEG', () => seen().jpeg().toBuffer()],
    ['JPEG, colours in full', 'JPEG', () => seen().jpeg({ chromaSubsampling: '4:4:4' }).toBuffer()],
    ['JPEG, to be turned', 'JPEG', () => seen().withMetadata({ orientation: 6 }).jpeg().toBuffer()],
    ['JPEG, CMYK', 'JPEG', () => seen().toColourspace('cmyk').jpeg().toBuffer()],
    ['JPEG, progressive', 'JPEG', () => seen().jpeg({ progressive: true }).toBuffer()],
    [
      'JPEG, progressive, colours in full',
      'JPEG',
      () => seen().jpeg({ progressive: true, chromaSubsampling: '4:4:4' }).toBuffer(),
    ],
    ['PNG', 'PNG', () => seen().png({ compressionLevel: 1 }).toBuffer()],
    ['PNG, 16 bits and alpha', 'PNG', () => deep().png({ compressionLevel: 1 }).toBuffer()],
    [
      'PNG, to be turned',
      'PNG',
      () => seen().withMetadata({ orientation: 6 }).png({ compressionLevel: 1 }).toBuffer(),
    ],
    ['PNG, interlaced', 'PNG', () => seen().png({ progressive: true, compressionLevel: 1 }).toBuffer()],
    [
      'PNG, interlaced, 16 bits and alpha',
      'PNG',
      () => deep().png({ progressive: true, compressionLevel: 1 }).toBuffer(),
    ],
    ['WebP', 'WebP', () => seen().webp({ effort: 0 }).toBuffer()],
    ['WebP, alpha', 'WebP', () => seen().ensureAlpha(0.5).webp({ effort: 0 }).toBuffer()],
    ['WebP, lossless', 'WebP', () => seen().webp({ lossless: true, effort: 0 }).toBuffer()],
    ['GIF', 'GIF', () => seen().gif({ effort: 1 }).toBuffer()],
    ['TIFF', 'TIFF', () => seen().tiff({ compression: 'lzw' }).toBuffer()],
    ['TIFF, tiles', 'TIFF', () => seen().tiff({ compression: 'lzw', tile: true }).toBuffer()],
    ['AVIF', 'AVIF', () => seen().avif({ effort: 0 }).toBuffer()],
    [
      'AVIF, colours in full',
      'AVIF',
      () => seen().avif({ effort: 0, chromaSubsampling: '4:4:4' }).toBuffer(),
    ],
    ['HEIC', 'HEIC', async () => heicGrid()],
    ['BMP', 'BMP', async () => bmp(await seen().raw().toBuffer(), { bits: 24, size })],
    ['JPEG 2000', 'JPEG 2000', async () => jpeg2000(await seen().png({ compressionLevel: 1 }).toBuffer())],
  ]
}

const status = (name: string): number =>
  Number(new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024

/** In a process of its own: decodes, and prints how many bytes that took at most beside the picture's own. */
async function measure(format: Format, path: string): Promise<void> {
  const bytes = readFileSync(path)
  const before = status('VmRSS')
  writeFileSync('/proc/self/clear_refs', '5')
  let need = 0
  if (format === 'HEIC') await heicPicture(bytes, Number.POSITIVE_INFINITY, framing)
  else if (format === 'BMP') await bmpPicture(bytes, Number.POSITIVE_INFINITY, framing)
  else if (format === 'JPEG 2000') await jpeg2000Picture(bytes, Number.POSITIVE_INFINITY, framing)
  else if (format !== 'PDF') {
    allowLoader(format)
    const header = await readHeader(bytes, Number.POSITIVE_INFINITY)
    const plan = planOf(format, header, framing)
    if (isReadHere(format)) need = neededBytes(format, header, plan)
    await pictureOf(format, bytes, plan)
  }
  console.log(JSON.stringify([status('VmHWM') - before, need]))
}

async function compare(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'picture-memory-'))
  const pixels = size.width * size.height
  console.log(`${size.width}x${size.height}: bytes a pixel, MiB; what is counted with`)
  try {
    for (const [name, format, made] of await cases()) {
      const path = join(folder, 'picture')
      writeFileSync(path, await made())
      const words = [...process.execArgv, import.meta.filename, format, path]
      const env = { ...process.env, UV_THREADPOOL_SIZE: '1', MALLOC_ARENA_MAX: '1' }
      const [took, need] = JSON.parse(execFileSync(process.execPath, words, { env, encoding: 'utf8' })) as [
        number,
        number,
      ]
      const counted = need > 0 ? `; ${Math.round(need / mib)} MiB` : ''
      console.log(`${name}: ${(took / pixels).toFixed(1)}, ${Math.round(took / mib)} MiB${counted}`)
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const [format, path] = process.argv.slice(2)
if (format && path) await measure(format as Format, path)
else await compare()
