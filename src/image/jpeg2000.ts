/**
 * A JPEG 2000, decoded by the OpenJPEG in ImageMagick. That is WebAssembly that can't be interrupted and gives no memory
 * back, so this is for a process that ends with the picture.
 */
import { readFileSync } from 'node:fs'
import { failure } from '../errors.ts'
import { openBitmap, requireSize } from './decode.ts'
import { encoded, type Framing } from './encode.ts'
import { corrupt, type Jpeg2000Header, readJpeg2000Header } from './jpeg2000-header.ts'
import { type Picture, uprightPlan } from './picture.ts'
import type { Size } from './tiles.ts'

/** Colours and transparency; each takes 4 bytes a pixel. */
const mostComponents = 4
/** Of 110x110 in the largest picture. Fifteen times as many take half a minute to set up, whatever they hold. */
const mostTiles = 4096
/** A side of what is decoded may fall short of what is sent by so much, where all of it takes four times the memory. */
const enough = 7 / 8

export async function jpeg2000Picture(bytes: Buffer, maxPixels: number, framing: Framing): Promise<Picture> {
  const magick = await import('@imagemagick/magick-wasm')
  const header = readJpeg2000Header(bytes)
  requireSize(header.size, maxPixels)
  if (header.components > mostComponents || header.tiles > mostTiles) {
    const cause = `it has ${header.components} components in ${header.tiles} tiles`
    throw failure('image_too_costly', { format: 'JPEG 2000' }, { cause })
  }
  const plan = uprightPlan({ ...header.size, page: null }, framing)
  await magick.initializeImageMagick(
    readFileSync(new URL(import.meta.resolve('@imagemagick/magick-wasm/magick.wasm'))),
  )
  const { Jp2, J2k } = magick.MagickFormat
  const settings = new magick.MagickReadSettings({ format: header.boxed ? Jp2 : J2k, ...header.reach })
  // With a factor it decodes what lies in the picture's upper left unless it is told how far to go, above.
  settings.setDefine(Jp2, 'reduce-factor', String(halvingsFor(plan.size, header)))
  const { rgba, ...size } = magick.ImageMagick.read(bytes, settings, (image) => {
    // It would be shown as a colour.
    if (header.components === 2 && !image.hasAlpha) throw corrupt('nothing tells what it has beside grey')
    // From luminance and chrominance, where it has those.
    image.colorSpace = magick.ColorSpace.sRGB
    const { width, height } = image
    return { width, height, rgba: image.getPixels((all) => all.toByteArray(0, 0, width, height, 'RGBA')) }
  })
  if (!rgba) throw corrupt('it holds no picture')
  return { plan, sent: await encoded(openBitmap(rgba, size), true, plan.size) }
}

function halvingsFor({ width, height }: Size, { size, halvings }: Jpeg2000Header): number {
  const spare = Math.min(size.width / width, size.height / height) / enough
  return Math.min(halvings, Math.floor(Math.log2(spare)))
}
