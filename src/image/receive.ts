/**
 * A picture as a caller sent it -> bytes. Accepts the bytes themselves, an address where these are fetched, base64 and
 * base64url, padded or not, with line breaks, and data URLs with or without parameters. Strict: what is not base64 is
 * refused rather than decoded as far as it goes. The type that a data URL claims is ignored; bytes decide.
 */
import { failure } from '../errors.ts'
import { FetchProblem } from '../net/guarded-fetch.ts'

/** The bytes themselves, or base64, a data URL or an address. */
export type ImageSource = Buffer | string

/** Bytes behind an address. Rejects with a `FetchProblem`, or with the signal's reason. */
export type FetchImage = (address: string, signal: AbortSignal) => Promise<Buffer>

/** Throws a typed failure that says what is wrong with it. Without `fetchImage` an address is refused. */
export async function receive(
  image: ImageSource,
  fetchImage: FetchImage | undefined,
  signal: AbortSignal,
): Promise<Buffer> {
  if (Buffer.isBuffer(image)) return image
  return fetchImage && isAddress(image) ? await fetched(image, fetchImage, signal) : decoded(image)
}

async function fetched(address: string, fetchImage: FetchImage, signal: AbortSignal): Promise<Buffer> {
  try {
    return await fetchImage(address, signal)
  } catch (error) {
    if (!(error instanceof FetchProblem)) throw error
    throw failure(`image_url_${error.kind}`, { reason: error.message }, { cause: error.cause })
  }
}

const isAddress = (image: string): boolean => /^\s*https?:\/\//i.test(image.slice(0, 256))

function decoded(image: string): Buffer {
  const text = base64Part(image)
  const bytes = strictlyDecoded(text)
  // Line breaks are rare and stripping them copies megabytes: only tried when the plain reading failed.
  return bytes ?? strictlyDecoded(text.replace(/\s+/g, '')) ?? refuse(text)
}

function base64Part(image: string): string {
  const start = image.slice(0, 256).trimStart()
  if (isAddress(image)) throw failure('image_is_url')
  if (!/^data:/i.test(start)) return image
  const comma = image.indexOf(',')
  if (comma === -1 || !/;\s*base64\s*$/i.test(image.slice(Math.max(0, comma - 64), comma))) {
    throw failure('invalid_data_url')
  }
  return image.slice(comma + 1)
}

/**
 * Node skips what is not base64 and stops at the first `=`, so comparing lengths finds any such character far
 * quicker than a pattern over the text would (0.2 against 1.8 GB/s).
 */
function strictlyDecoded(text: string): Buffer | undefined {
  const characters = text.length - paddingOf(text)
  if (characters % 4 === 1) return undefined
  const bytes = Buffer.from(text, 'base64')
  return bytes.length > 0 && bytes.length === Math.floor((characters * 3) / 4) ? bytes : undefined
}

const paddingOf = (text: string): number => (text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0)

function refuse(text: string): never {
  const compact = text.replace(/\s+/g, '')
  if (compact.length === 0) throw failure('empty_image')
  const characters = compact.length - paddingOf(compact)
  const onlyCutOff = characters % 4 === 1 && strictlyDecoded(compact.slice(0, characters - 1)) !== undefined
  throw onlyCutOff ? failure('truncated_base64', { actual: characters }) : failure('invalid_base64')
}
