/** Kinds of settings: their schemas, and what each accepts, in words. */
import { type IntegerOptions, type SchemaOptions, type TSchema, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'

export const choice = <const Name extends string>(names: readonly Name[], options: SchemaOptions) =>
  Type.Unsafe<Name>(
    Type.Union(
      names.map((name) => Type.Literal(name)),
      options,
    ),
  )

/** A whole number, or 0 for what fits. */
export const wholeOrAutomatic = (options: IntegerOptions & { minimum: number; maximum: number }) =>
  Type.Integer({ default: 0, ...options, minimum: 0, automatic: true, least: options.minimum })

/** Entries separated by commas. */
export const list = (options: SchemaOptions) => Type.String({ default: '', isList: true, ...options })

/** Whether a value is one that the setting accepts. */
export const accepts = (schema: TSchema, value: unknown): boolean =>
  Value.Check(schema, value) && !(schema.automatic && value !== 0 && Number(value) < schema.least)

/** What a setting accepts, in words: "an integer from 1 to 64" or "one of auto, on, off". */
export function expectation(schema: TSchema): string {
  if (schema.anyOf) return `one of ${schema.anyOf.map((choice: TSchema) => choice.const).join(', ')}`
  if (schema.automatic) return `0, or an integer from ${schema.least} to ${schema.maximum}`
  if (schema.type === 'integer') return `an integer from ${schema.minimum} to ${schema.maximum}`
  return schema.isList ? 'texts, separated by commas' : 'a text'
}
