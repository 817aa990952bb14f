/**
 * What `/docs` says of the bodies of `POST /infer`: three ways to send the same fields, all of which are checked as those
 * of JSON are.
 */
import { type TSchema, Type } from '@sinclair/typebox'
import type { inferRequest } from './schema.ts'

/** By `format` pages of OpenAPI know that a file is meant. */
const file = Type.String({ format: 'binary' })

type Described = { schema: object; url: string }

/** The route's schema as it is shown. */
export const describedWith =
  (json: ReturnType<typeof inferRequest>) =>
  ({ schema, url }: Described): Described => {
    const { image: _, images: __, ...fields } = json.properties
    // What has a default may be left out: the check of a request puts that in first.
    const required = ['prompt']
    // A list of files would do as well, but pages of OpenAPI send it empty beside this one.
    const image = { ...file, description: 'The picture, or a PDF; several times for several.' }
    const form = { ...Type.Object({ ...asTexts(fields), image }), required: [...required, 'image'] }
    return {
      url,
      schema: {
        ...schema,
        querystring: queryOf(schema, fields),
        body: {
          content: {
            'application/json': { schema: { ...json, required } },
            'multipart/form-data': { schema: form },
            'image/*': { schema: file },
            'application/pdf': { schema: file },
          },
        },
      },
    }
  }

/**
 * All is text in a form. Pages of OpenAPI fill it with values of their own making, a deadline of a millisecond among them,
 * unless there is an example.
 */
const asTexts = (fields: Record<string, TSchema>): Record<string, TSchema> =>
  Object.fromEntries(
    Object.entries(fields).map(([name, field]) => [
      name,
      field.default === undefined
        ? Type.String({ description: String(field.description), examples: [''] })
        : field,
    ]),
  )

/** Where the body is the picture itself, its fields stand there. */
function queryOf(schema: object, fields: Record<string, TSchema>): TSchema {
  const { querystring } = schema as { querystring: TSchema }
  const besides = Object.entries(fields).map(([name, { default: _, ...field }]) => [
    name,
    Type.Optional({ ...field, description: `With a picture as the body: ${field.description}` } as TSchema),
  ])
  return Type.Object({ ...querystring.properties, ...Object.fromEntries(besides) })
}
