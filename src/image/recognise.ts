/** Bytes -> what they are. Bytes decide the format, never a name or a claimed type. */
import { type FileTypeResult, fileTypeFromBuffer } from 'file-type'
import { failure } from '../errors.ts'

/**
 * All that is looked at. What tells the formats apart lies in the first few bytes; further on, strangers could have the
 * search walk through hundreds of thousands of chunks while nothing else gets a turn.
 */
const lookedAtBytes = 4096

export type Format = 'JPEG' | 'PNG' | 'WebP' | 'GIF' | 'TIFF' | 'AVIF' | 'HEIC' | 'BMP' | 'JPEG 2000' | 'PDF'

/** By file-type's extension. */
const accepted = new Map<string, Format>([
  ['jpg', 'JPEG'],
  ['png', 'PNG'],
  ['apng', 'PNG'],
  ['webp', 'WebP'],
  ['gif', 'GIF'],
  ['tif', 'TIFF'],
  ['avif', 'AVIF'],
  ['heic', 'HEIC'],
  ['bmp', 'BMP'],
  ['jp2', 'JPEG 2000'],
  ['jpx', 'JPEG 2000'],
  ['j2c', 'JPEG 2000'],
  ['pdf', 'PDF'],
])
const acceptedNames = [...new Set(accepted.values())].join(', ')

/** Those for which file-type wants to see more: a TIFF's directory may come last, a PNG's first pixels late. */
const magics: [string, Format][] = [
  ['II*\0', 'TIFF'],
  ['MM\0*', 'TIFF'],
  ['\x89PNG\r\n\x1a\n', 'PNG'],
]

/** Throws `unsupported_image_format` or `not_an_image`. */
export async function recognise(bytes: Buffer): Promise<Format> {
  const start = bytes.subarray(0, lookedAtBytes)
  const text = start.toString('latin1')
  const magic = magics.find(([begin]) => text.startsWith(begin))
  if (magic) return magic[1]
  const found = await fileTypeFromBuffer(start)
  const type = found?.ext === 'bmp' && !hasBmpHeader(start) ? undefined : found
  const format = accepted.get(type?.ext ?? '')
  if (format) return format
  const name = otherFormat(type, text)
  throw name
    ? failure('unsupported_image_format', { actual: name, expected: acceptedNames })
    : failure('not_an_image', { expected: acceptedNames })
}

/** A BMP begins with two letters, as many a text does; what follows its size and offset is how long its header is. */
function hasBmpHeader(start: Buffer): boolean {
  const length = start.length < 18 ? 0 : start.readUInt32LE(14)
  return length >= 12 && length <= 124
}

/** What it is instead, in the user's words. SVG is text, which file-type does not tell apart. */
function otherFormat(type: FileTypeResult | undefined, text: string): string | undefined {
  if (/<svg[\s>]/i.test(text)) return 'SVG'
  return type?.ext.toUpperCase()
}
