/**
 * The first picture of a HEIC file. Its decoder is WebAssembly that can't be interrupted and gives no memory back, so this
 * is for a process that ends with the picture.
 */
import { failure } from '../errors.ts'
import { openBitmap, requireSize } from './decode.ts'
import { encoded, type Framing } from './encode.ts'
import { type Picture, uprightPlan } from './picture.ts'

/** The part of `heic-decode` that is used; it brings no types. */
type HeicDecoder = {
  all(input: {
    buffer: Uint8Array
  }): Promise<{ width: number; height: number; decode(): Promise<{ data: Uint8ClampedArray }> }[]>
}

export const heicPackage = 'heic-decode'

export async function heicPicture(bytes: Uint8Array, maxPixels: number, framing: Framing): Promise<Picture> {
  const { default: decoder } = (await import(heicPackage)) as { default: HeicDecoder }
  const [first] = await decoder.all({ buffer: bytes })
  if (!first) throw failure('corrupt_image', { format: 'HEIC' }, { cause: 'it holds no picture' })
  const { width, height } = first
  requireSize({ width, height }, maxPixels)
  const { data } = await first.decode()
  const plan = uprightPlan({ width, height, page: null }, framing)
  return { plan, sent: await encoded(openBitmap(data, { width, height }), true, plan.size) }
}
