/**
 * Pictures that come as bytes: a form upload (`curl -F image=@photo.jpg -F prompt=…`) or a bare picture as the body
 * with the fields in the query. Fields are texts there; they become what the schema says before it is checked.
 */
import type { IncomingMessage } from 'node:http'
import multipart from '@fastify/multipart'
import type { TObject } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import type { FastifyError, FastifyInstance, FastifyRequest } from 'fastify'
import { Failure, failure } from '../errors.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Pictures that came as bytes, in their order. */
    uploads: Buffer[]
  }
}

export type UploadLimits = { maxBodyBytes: number; maxFields: number }

/** More than any request has use for: how many pictures are too many is told with their number. */
const mostParts = 1000

/** Names of unknown fields are told in the answer. */
const longestName = 100

/** Adds both ways to the routes of `app`, whose bodies are objects of `schema`. */
export async function acceptUploads(
  app: FastifyInstance,
  schema: TObject,
  limits: UploadLimits,
): Promise<void> {
  const { maxBodyBytes, maxFields } = limits
  app.decorateRequest('uploads')
  await app.register(multipart, {
    throwFileSizeLimit: false,
    limits: {
      fileSize: maxBodyBytes,
      files: mostParts,
      fields: maxFields,
      fieldSize: maxBodyBytes,
      parts: mostParts,
    },
  })
  app.addContentTypeParser(/^(image\/|application\/pdf)/, { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  )
  app.addHook('preValidation', async (request) => {
    request.uploads = []
    if (request.isMultipart()) {
      request.body = fieldsOf(await readForm(request, limits), schema)
    } else if (Buffer.isBuffer(request.body)) {
      request.uploads = [request.body]
      const query = Object.entries(request.query as Record<string, unknown>)
      request.body = fieldsOf(new Map(query.map(([name, value]) => [name, [value].flat()])), schema)
    }
  })
}

/** Every value of each field, in their order. */
type Fields = Map<string, unknown[]>

/** The form's texts; its pictures become uploads. All that is sent is bounded, whatever it is. */
async function readForm(
  request: FastifyRequest,
  { maxBodyBytes: limit, maxFields }: UploadLimits,
): Promise<Fields> {
  const announced = Number(request.headers['content-length'])
  const { raw } = request
  try {
    const fields =
      announced > limit
        ? Promise.reject(failure('body_too_large', { limit, actual: announced }))
        : parts(request)
    return await Promise.race([cutOff(raw, limit), fields])
  } catch (error) {
    raw.unpipe()
    // A client that still sends may not listen until it is done.
    raw.resume()
    throw error instanceof Failure
      ? error
      : failure('invalid_form', { reason: reason(error, maxFields) }, { cause: error })
  }
}

/**
 * Rejects when more than `limit` bytes have come. As much again is let pass unread, so that a client that sends a
 * little too much gets its answer; then the connection is cut.
 */
function cutOff(body: IncomingMessage, limit: number): Promise<never> {
  return new Promise((_, reject) => {
    let taken = 0
    body.on('data', (chunk: Buffer) => {
      taken += chunk.length
      if (taken > limit) reject(failure('body_too_large', { limit }))
      if (taken > 2 * limit) body.destroy()
    })
  })
}

async function parts(request: FastifyRequest): Promise<Fields> {
  const fields: Fields = new Map()
  for await (const part of request.parts()) {
    // Without a name in the part, whatever the types say.
    const field = part.fieldname as string | undefined
    if (!field) throw failure('invalid_form', { reason: 'a part of it has no name' })
    if (field.length > longestName) {
      throw failure('invalid_form', {
        reason: `the name of a field is longer than ${longestName} characters`,
      })
    }
    if (part.type === 'file') {
      if (field !== 'image' && field !== 'images') throw failure('unexpected_file', { field })
      request.uploads.push(await part.toBuffer())
    } else {
      fields.set(field, [...(fields.get(field) ?? []), part.value])
    }
  }
  return fields
}

/** What the parser found, in our words. */
function reason(error: unknown, maxFields: number): string {
  switch ((error as FastifyError).code) {
    case 'FST_FIELDS_LIMIT':
      return `it has more than ${maxFields} fields`
    case 'FST_PARTS_LIMIT':
    case 'FST_FILES_LIMIT':
      return `it has more than ${mostParts} parts`
    case 'FST_PROTO_VIOLATION':
      return 'a field has a name that is not accepted'
    case 'FST_INVALID_JSON_FIELD_ERROR':
      return 'a field that is said to be JSON is not'
    default:
      return 'it is cut off, or its Content-Type names another boundary or none'
  }
}

/** Texts to what the schema says; what does not fit stays as it is, for the validator to name. */
function fieldsOf(fields: Fields, schema: TObject): Record<string, unknown> {
  const given = Object.fromEntries(
    [...fields]
      .filter(([name]) => name !== 'dry_run')
      .map(([name, values]) => [name, fieldValue(name, values, schema)]),
  )
  const { json_schema: text } = given
  if (typeof text === 'string') {
    try {
      given.json_schema = JSON.parse(text)
    } catch {
      throw failure('invalid_json_schema', { field: 'json_schema', reason: 'it is not JSON' })
    }
  }
  return Value.Convert(schema, given) as Record<string, unknown>
}

/** A field that comes several times is a list, where one may be. */
function fieldValue(field: string, values: unknown[], { properties }: TObject): unknown {
  if (values.length === 1) return values[0]
  const known = properties[field]
  if (known && ![known.type].flat().includes('array')) throw failure('given_twice', { field })
  return values.flat()
}
