/**
 * The first pages of a PDF, each drawn at the size that is sent. PDFium is WebAssembly that can't be interrupted and gives
 * no memory back, so this is for a process that ends with the document.
 */
import { failure } from '../errors.ts'
import { openBitmap, requireSize } from './decode.ts'
import { encoded, type Framing } from './encode.ts'
import { type Picture, uprightPlan } from './picture.ts'
import type { Size } from './tiles.ts'

/** Enough to read small print; a PDF has 72 points to an inch. */
const dotsPerInch = 150
const pointsPerInch = 72

/** One page after the other, so that only one of them is in memory. `maxPixels` bounds all of them together. */
export async function* pdfPages(
  bytes: Uint8Array,
  maxPixels: number,
  framing: Framing,
): AsyncGenerator<Picture> {
  const { PDFiumLibrary } = await import('@hyzyla/pdfium')
  const document = await (await PDFiumLibrary.init()).loadDocument(bytes)
  const count = Math.min(framing.pages, document.getPageCount())
  for (let index = 0; index < count; index += 1) {
    const page = document.getPage(index)
    const { originalWidth, originalHeight } = page.getOriginalSize()
    const whole = pageSize({ width: originalWidth, height: originalHeight }, maxPixels / count)
    requireSize(whole, maxPixels)
    const plan = uprightPlan({ ...whole, page: index + 1 }, framing)
    const { data } = await page.render({ scale: 1, ...plan.size, render: async (bitmap) => bitmap.data })
    yield { plan, sent: await encoded(openBitmap(data, plan.size), false, plan.size) }
  }
}

/** In pixels. A page that can't be loaded has no size. */
function pageSize({ width, height }: Size, maxPixels: number): Size {
  const scale = Math.min(dotsPerInch / pointsPerInch, Math.sqrt(maxPixels / (width * height)))
  const size = {
    width: Math.floor(Math.floor(width) * scale),
    height: Math.floor(Math.floor(height) * scale),
  }
  if (size.width >= 1 && size.height >= 1) return size
  throw failure('corrupt_image', { format: 'PDF' }, { cause: `a page of ${width}x${height} points` })
}
