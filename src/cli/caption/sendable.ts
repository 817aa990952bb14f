/** A photo as it is sent: a large one scaled here to what models can see, which is what the service would do first. */

import { isReadHere, openImage } from '../../image/decode.ts'
import { pictureOf, planOf } from '../../image/picture.ts'
import { recognise } from '../../image/recognise.ts'
import type { Size } from '../../image/tiles.ts'

/** Smaller ones are not worth the work. */
const largeBytes = 1024 ** 2

export type Sendable = {
  bytes: Buffer
  /** Pixels of the photo before it was scaled, upright; undefined where the service gets it as it is. */
  scaledFrom: Size | undefined
}

/** What can't be read here is sent as it is, for the service to say what is wrong with it. */
export async function sendable(bytes: Buffer): Promise<Sendable> {
  const asIs = { bytes, scaledFrom: undefined }
  if (bytes.length < largeBytes) return asIs
  try {
    const format = await recognise(bytes)
    if (!isReadHere(format)) return asIs
    const header = await openImage(bytes).metadata()
    const plan = planOf(format, header, { detail: 'high', tiling: undefined, pages: 1 })
    const { width, height } = header.autoOrient
    if (plan.size.width === width) return asIs
    const { sent } = await pictureOf(format, bytes, plan)
    return { bytes: sent.bytes, scaledFrom: { width, height } }
  } catch {
    return asIs
  }
}
