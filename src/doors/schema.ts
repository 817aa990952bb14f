/** Pieces of schemas that the doors share. */
import { type SchemaOptions, type Static, type TSchema, Type } from '@sinclair/typebox'

/** Most entries of any list: more than a conversation or a question has use for. Pictures have a limit of their own. */
export const mostItems = 1000

/** Clients of both families send null for what they leave out. */
export const optional = <Schema extends TSchema>(schema: Schema) =>
  Type.Optional(Type.Unsafe<Static<Schema> | null>({ ...schema, type: [schema.type, 'null'].flat() }))

/** A list of texts or one. */
export const oneOrMore = (options: SchemaOptions) =>
  Type.Unsafe<string | string[]>({
    type: ['string', 'array'],
    items: { type: 'string' },
    maxItems: 16,
    ...options,
  })

/** Empty texts, which some clients send for none, would end an answer before its first word. */
export const listOf = (value: string | string[] | null | undefined): string[] =>
  [value ?? []].flat().filter((text) => text !== '')
