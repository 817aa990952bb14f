/**
 * Pictures that come as bytes: a form upload (`curl -F image=@photo.jpg -F prompt=…`) or a bare picture as the body
 * with the fields in the query. Fields are texts there; they become what the schema says before it is checked.
 */
import type { TObject } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Failure, failure } from '../errors.ts'
import type { ReadBody } from './body.ts'
import { type Form, readForm } from './form.ts'
import { parseJson } from './json.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Pictures that came as bytes, in their order. */
    uploads?: Buffer[]
  }
}

export type UploadParts = { readBody: ReadBody; maxFields: number }

/** Adds both ways to the routes of `app`, whose bodies are objects of `schema`. */
export function acceptUploads(
  app: FastifyInstance,
  schema: TObject,
  { readBody, maxFields }: UploadParts,
): void {
  app.decorateRequest('uploads')
  app.addContentTypeParser('multipart/form-data', async (request: FastifyRequest) => {
    const type = request.headers['content-type'] ?? ''
    const { fields, files } = await readForm(await readBody(request), type, maxFields)
    request.uploads = files
    return fieldsOf(fields, schema)
  })
  app.addContentTypeParser(/^(image\/|application\/pdf)/, async (request: FastifyRequest) => {
    request.uploads = [await readBody(request)]
    const query = Object.entries(request.query as Record<string, unknown>)
    return fieldsOf(new Map(query.map(([name, value]) => [name, [value].flat()])), schema)
  })
}

/** Texts to what the schema says; what does not fit stays as it is, for the validator to name. */
function fieldsOf(fields: Form['fields'], schema: TObject): Record<string, unknown> {
  const given = Object.fromEntries(
    [...fields]
      .filter(([name, values]) => name !== 'dry_run' && !isLeftOut(name, values, schema))
      .map(([name, values]) => [name, fieldValue(name, values, schema)]),
  )
  const { json_schema: answer, history } = given
  if (typeof answer === 'string') given.json_schema = parsedText(answer, notSchema)
  if (typeof history === 'string') given.history = parsedText(history, notHistory)
  return Value.Convert(schema, given) as Record<string, unknown>
}

const notSchema = () => failure('invalid_json_schema', { field: 'json_schema', reason: 'it is not JSON' })
const notHistory = () =>
  failure('wrong_type', {
    field: 'history',
    expected: 'the JSON of a list',
    actual: 'a text that is no JSON',
  })

/** What a field that is JSON holds. Throws `json_too_complex`, or what `fault` says of a text that is none. */
function parsedText(text: string, fault: () => Failure): unknown {
  try {
    return parseJson(Buffer.from(text))
  } catch (error) {
    throw error instanceof Failure && error.code === 'json_too_complex' ? error : fault()
  }
}

/** A form on a page sends what nobody filled in as an empty text; what has to be there is told to be empty. */
function isLeftOut(field: string, values: unknown[], { properties, required = [] }: TObject): boolean {
  const isNeeded = required.includes(field) && properties[field]?.default === undefined
  return !isNeeded && values.every((value) => value === '')
}

/** A field that comes several times is a list, where one may be. */
function fieldValue(field: string, values: unknown[], { properties }: TObject): unknown {
  if (values.length === 1) return values[0]
  const known = properties[field]
  if (known && ![known.type].flat().includes('array')) throw failure('given_twice', { field })
  return values.flat()
}
