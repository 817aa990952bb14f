/** Kinds of settings: their schemas, and what each accepts, in words. */
import { type SchemaOptions, type TSchema, Type } from '@sinclair/typebox'

export const choice = <const Name extends string>(names: readonly Name[], options: SchemaOptions) =>
  Type.Unsafe<Name>(
    Type.Union(
      names.map((name) => Type.Literal(name)),
      options,
    ),
  )

/** Entries separated by commas. */
export const list = (options: SchemaOptions) => Type.String({ default: '', isList: true, ...options })

/** What a setting accepts, in words: "an integer from 1 to 64" or "one of auto, on, off". */
export function expectation(schema: TSchema): string {
  if (schema.anyOf) return `one of ${schema.anyOf.map((choice: TSchema) => choice.const).join(', ')}`
  if (schema.type === 'integer') return `an integer from ${schema.minimum} to ${schema.maximum}`
  return schema.isList ? 'texts, separated by commas' : 'a text'
}
