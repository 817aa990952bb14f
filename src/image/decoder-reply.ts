/**
 * What a decoder process says of a picture, as bytes, and how it is read again. A picture may have taken its decoder over,
 * so a reply is data like any other: bounded, checked against what was asked, and nothing in it is a picture that the
 * decoder could not have made.
 */
import { isDeepStrictEqual } from 'node:util'
import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { type Failure, failure } from '../errors.ts'
import { readHeader, requireSize } from './decode.ts'
import { type Framing, passesAsIs, sentSize } from './encode.ts'
import type { Picture, Plan } from './picture.ts'
import { withoutExtras } from './png-chunks.ts'
import type { Format } from './recognise.ts'
import type { Size } from './tiles.ts'

export type Task = {
  format: Format
  /** Of a picture, and of all pages together. */
  maxPixels: number
  framing: Framing
  /** What the service read in its header, where it reads those. */
  plan?: Plan | undefined
}

/** All that a decoder may say: eight pages of noise are less. */
export const maxReplyBytes = 64 * 1024 ** 2
const maxHeadBytes = 1024
const lengthBytes = 4

const side = Type.Integer({ minimum: 1, maximum: 2 ** 31 })
const size = Type.Object({ width: side, height: side })
const plan = Type.Object({
  source: Type.Object({ width: side, height: side, page: Type.Union([Type.Null(), side]) }),
  rotation: Type.Union([Type.Literal(0), Type.Literal(90), Type.Literal(180), Type.Literal(270)]),
  mirrored: Type.Boolean(),
  size,
  unchanged: Type.Boolean(),
})
const picture = Type.Object({
  type: Type.Literal('picture'),
  plan,
  format: Type.Union([Type.Literal('jpeg'), Type.Literal('png')]),
  /** Of the picture that follows; 0 for one that is sent as it was received. */
  bytes: Type.Integer({ minimum: 0, maximum: maxReplyBytes }),
})
const refusal = Type.Object({
  type: Type.Literal('refused'),
  code: Type.Union([
    Type.Literal('image_too_large'),
    Type.Literal('image_too_narrow'),
    Type.Literal('image_too_costly'),
    Type.Literal('corrupt_image'),
    Type.Literal('decoder_missing'),
  ]),
  size: Type.Optional(size),
  cause: Type.String({ maxLength: 300 }),
})
const done = Type.Object({ type: Type.Literal('done') })
const word = Type.Union([picture, refusal, done])

type Word = Static<typeof word>
export type Refusal = Static<typeof refusal>

const packages: Partial<Record<Format, string>> = {
  HEIC: 'heic-decode',
  BMP: '@cwasm/nsbmp',
  'JPEG 2000': '@imagemagick/magick-wasm',
  PDF: '@hyzyla/pdfium',
}

/** A word as the decoder says it. */
export function spoken(said: Word, body: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.from(JSON.stringify(said))
  const length = Buffer.alloc(lengthBytes)
  length.writeUInt32BE(head.length)
  return Buffer.concat([length, head, body])
}

export const spokenPicture = ({ plan, sent: { bytes, format } }: Picture): Buffer =>
  plan.unchanged
    ? spoken({ type: 'picture', plan, format, bytes: 0 })
    : spoken({ type: 'picture', plan, format, bytes: bytes.length }, bytes)

/**
 * The pictures of a reply that is complete; undefined for one that is not. Throws the failure that it tells, and
 * `corrupt_image` where it makes no sense.
 */
export async function picturesIn(
  reply: Buffer,
  task: Task,
  received: Buffer,
): Promise<Picture[] | undefined> {
  const pictures: Picture[] = []
  for (const { said, body } of words(reply)) {
    if (said.type === 'refused') throw toldFailure(said, task)
    if (said.type === 'done') {
      if (pictures.length > 0) return pictures
      // The question would be answered as if nobody had sent a picture.
      throw task.format === 'PDF' ? failure('no_pages') : nonsense(task, 'no picture')
    }
    const page = task.format === 'PDF' ? pictures.length + 1 : null
    if (pictures.length >= (page === null ? 1 : task.framing.pages)) throw nonsense(task, 'too many pictures')
    const wrong = said.plan.source.page !== page || wrongWith(said.plan, task)
    if (wrong) throw nonsense(task, 'a picture that was not asked for')
    const bytes = said.plan.unchanged ? received : body
    if (!said.plan.unchanged && !(await isOurs(said, body)))
      throw nonsense(task, 'bytes that are no such picture')
    pictures.push({ plan: said.plan, sent: { bytes, format: said.format, ...said.plan.size } })
  }
  return undefined
}

/** Up to the first that is cut off or can't be read. */
function* words(reply: Buffer): Generator<{ said: Word; body: Buffer }> {
  for (let at = 0; at + lengthBytes <= reply.length; ) {
    const headEnd = at + lengthBytes + reply.readUInt32BE(at)
    if (headEnd > Math.min(reply.length, at + lengthBytes + maxHeadBytes)) return
    const said = parsed(reply.subarray(at + lengthBytes, headEnd))
    if (!Value.Check(word, said)) return
    at = headEnd + (said.type === 'picture' ? said.bytes : 0)
    if (at > reply.length) return
    yield { said, body: reply.subarray(headEnd, at) }
  }
}

function parsed(head: Buffer): unknown {
  try {
    return JSON.parse(head.toString())
  } catch {
    return undefined
  }
}

/** Whether a plan is not the one that was asked for, or none that follows from a picture within the limits. */
function wrongWith(plan: Plan, { framing, maxPixels, plan: asked }: Task): boolean {
  if (asked) return !isDeepStrictEqual(plan, asked)
  if (plan.unchanged) return true
  requireSize(plan.source, maxPixels)
  const { width, height } = plan.source
  const turned = plan.rotation === 90 || plan.rotation === 270
  const upright = turned ? { width: height, height: width } : { width, height }
  return !isDeepStrictEqual(plan.size, sentSize(upright, framing))
}

/** As our own encoder makes them: nothing beside the pixels, and as many of those as it says. */
async function isOurs({ format, plan: { size } }: Static<typeof picture>, bytes: Buffer): Promise<boolean> {
  const name = format === 'jpeg' ? 'JPEG' : 'PNG'
  try {
    if (name === 'PNG' && withoutExtras(bytes) !== bytes) return false
    const header = await readHeader(bytes, size.width * size.height)
    return header.format === format && !header.isProgressive && passesAsIs(name, header, size)
  } catch {
    return false
  }
}

function toldFailure({ code, size: its, cause }: Refusal, task: Task): Failure {
  const { format, maxPixels } = task
  if (code === 'decoder_missing') return failure(code, { format, package: packages[format] ?? 'sharp' })
  if (code === 'corrupt_image' || code === 'image_too_costly') return failure(code, { format }, { cause })
  // Throws the failure itself, with all of its facts.
  if (its) requireSize(its, maxPixels)
  return nonsense(task, 'a size that is none')
}

const nonsense = ({ format }: Task, what: string): Failure =>
  failure('corrupt_image', { format }, { cause: `its decoder tells of ${what}` })

/** What a decoder says of a picture that it refuses. */
export const refused = (code: Refusal['code'], cause: string, its?: Size): Buffer =>
  spoken({ type: 'refused', code, cause: cause.slice(0, 300), ...(its && { size: its }) })
