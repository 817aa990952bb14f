/**
 * Pictures that come as bytes: a form upload (`curl -F image=@photo.jpg -F prompt=…`) or a bare picture as the body
 * with the fields in the query. Fields are texts there; they become what the schema says before it is checked.
 */
import multipart, { type MultipartFile } from '@fastify/multipart'
import type { TSchema } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { failure } from '../errors.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Pictures that came as bytes, in their order. */
    uploads: Buffer[]
  }
}

export type UploadLimits = { maxBodyBytes: number; maxImages: number; maxFields: number }

/** Adds both ways to the routes of `app`, whose bodies are objects of `schema`. */
export async function acceptUploads(
  app: FastifyInstance,
  schema: TSchema,
  { maxBodyBytes, maxImages, maxFields }: UploadLimits,
): Promise<void> {
  app.decorateRequest('uploads')
  await app.register(multipart, {
    throwFileSizeLimit: false,
    limits: {
      fileSize: maxBodyBytes,
      files: maxImages + 1,
      fields: maxFields,
      fieldSize: maxBodyBytes,
      parts: maxImages + maxFields + 1,
    },
  })
  app.addContentTypeParser(/^(image\/|application\/pdf)/, { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  )
  app.addHook('preValidation', async (request) => {
    request.uploads = []
    if (request.isMultipart()) {
      request.body = fieldsOf(await formFields(request, maxBodyBytes), schema)
    } else if (Buffer.isBuffer(request.body)) {
      request.uploads = [request.body]
      request.body = fieldsOf(request.query as Record<string, unknown>, schema)
    }
  })
}

/** The form's texts; its pictures become uploads. `limit` bounds all parts together, in bytes. */
async function formFields(request: FastifyRequest, limit: number): Promise<Record<string, unknown>> {
  const announced = Number(request.headers['content-length'])
  if (announced > limit) throw failure('body_too_large', { limit, actual: announced })
  const fields: Record<string, unknown> = {}
  let taken = 0
  for await (const part of request.parts()) {
    const value = part.type === 'field' ? part.value : await bytesOf(part)
    const truncated = part.type === 'field' ? part.valueTruncated : part.file.truncated
    taken += Buffer.isBuffer(value) ? value.length : Buffer.byteLength(String(value))
    if (truncated || taken > limit) throw failure('body_too_large', { limit })
    if (Buffer.isBuffer(value)) request.uploads.push(value)
    else add(fields, part.fieldname, value)
  }
  return fields
}

async function bytesOf(part: MultipartFile): Promise<Buffer> {
  const { fieldname: field } = part
  if (field === 'image' || field === 'images') return part.toBuffer()
  part.file.resume()
  throw failure('unexpected_file', { field })
}

/** A field that comes twice becomes a list. */
function add(fields: Record<string, unknown>, name: string, value: unknown): void {
  const before = fields[name]
  fields[name] = before === undefined ? value : [before, value].flat()
}

/** Texts to what the schema says; what does not fit stays as it is, for the validator to name. */
function fieldsOf(fields: Record<string, unknown>, schema: TSchema): Record<string, unknown> {
  const { dry_run: _, ...given } = fields
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
