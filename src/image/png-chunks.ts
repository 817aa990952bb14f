/**
 * A PNG without what does not show: texts, suggested palettes, further frames. libpng unpacks each text up to 8 MB before
 * the first pixel is read, so a file of some hundred KB would take gigabytes for its header alone.
 */
import { failure } from '../errors.ts'

const signatureBytes = 8
/** Length, type and checksum of a chunk. */
const frameBytes = 12
/** Writers make chunks of 4 KiB and more, which are 5000 in 20 MiB; each one costs time. */
const maxChunks = 100_000

const typeOf = (name: string): number => Buffer.from(name, 'latin1').readUInt32BE()
/** Pixels, and all that changes how they look. A profile is unpacked as well, but only the first of them. */
const shown = new Set(
  'IHDR PLTE tRNS IDAT IEND gAMA cHRM sRGB iCCP cICP sBIT eXIf pHYs'.split(' ').map(typeOf),
)

/** The same bytes where there is nothing to leave out; throws `corrupt_image` for chunks without end. */
export function withoutExtras(png: Buffer): Buffer {
  const kept: Buffer[] = []
  let keptFrom = 0
  let chunks = 0
  for (let at = signatureBytes; at + frameBytes <= png.length; ) {
    chunks += 1
    if (chunks > maxChunks) throw failure('corrupt_image', { format: 'PNG' }, { cause: 'too many chunks' })
    const end = at + frameBytes + png.readUInt32BE(at)
    if (!shown.has(png.readUInt32BE(at + 4))) {
      if (at > keptFrom) kept.push(png.subarray(keptFrom, at))
      keptFrom = end
    }
    at = end
  }
  return keptFrom === 0 ? png : Buffer.concat([...kept, png.subarray(keptFrom)])
}
