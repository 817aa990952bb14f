/**
 * A schema of any draft -> the same in the words of draft 2019-09, which the engine and the check of an answer both
 * read: clients write 2020-12 (zod, LangChain), 07, 06 and 04. What a schema or a part of it is called goes, since a name
 * asks for a dialect or a schema that is elsewhere, and what refers to a name refers to its place instead. Pure.
 */
import type { JsonSchema } from './question.ts'
import { isObject, type Json } from './schema-tree.ts'

/** Words that hold a schema; a list of schemas; schemas under names of the author's. All others hold data. */
const ofOne = new Set([
  'additionalItems',
  'additionalProperties',
  'contains',
  'else',
  'if',
  'items',
  'not',
  'propertyNames',
  'then',
  'unevaluatedItems',
  'unevaluatedProperties',
])
const ofList = new Set(['allOf', 'anyOf', 'items', 'oneOf'])
const ofNames = new Set([
  '$defs',
  'definitions',
  'dependencies',
  'dependentSchemas',
  'patternProperties',
  'properties',
])

/** Throws nothing: what is no schema stays as it is, for who compiles it to find. */
export function inOneDialect(root: JsonSchema): JsonSchema {
  const places = new Map<string, string>()
  const worded = rewritten(root, '', (schema, place) => {
    for (const name of namesOf(schema)) places.set(name, place)
    return inOlderWords(schema)
  })
  return rewritten(worded, '', (schema) => withoutNames(schema, places)) as JsonSchema
}

/** A schema and all in it, from the outside in; `place` is a pointer such as `/properties/colour`. */
function rewritten(schema: unknown, place: string, rewrite: (schema: Json, place: string) => Json): unknown {
  if (!isObject(schema)) return schema
  const inner = (value: unknown, path: string): unknown => rewritten(value, `${place}/${path}`, rewrite)
  const members = Object.entries(rewrite(schema, place)).map(([word, value]): [string, unknown] => {
    if (Array.isArray(value))
      return [word, ofList.has(word) ? value.map((one, index) => inner(one, `${word}/${index}`)) : value]
    if (!isObject(value)) return [word, value]
    if (ofOne.has(word)) return [word, inner(value, word)]
    if (!ofNames.has(word)) return [word, value]
    const named = Object.entries(value).map(([name, one]) => [name, inner(one, `${word}/${escaped(name)}`)])
    return [word, Object.fromEntries(named)]
  })
  return Object.fromEntries(members)
}

const escaped = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1')

const isText = (value: unknown): value is string => typeof value === 'string'

/** As references say them. `id` is draft 04's, and what zod calls a registered type. */
const namesOf = ({ $id, id, $anchor, $dynamicAnchor }: Json): string[] => [
  ...[$id, id].filter(isText).map((name) => name.replace(/#$/, '')),
  ...[$anchor, $dynamicAnchor].filter(isText).map((name) => `#${name}`),
]

/** Lists by their places were `items` before they were `prefixItems`; limits that exclude themselves a flag, in draft 04. */
function inOlderWords({ prefixItems, ...schema }: Json): Json {
  const older: Json = { ...schema }
  if (Array.isArray(prefixItems)) {
    older.items = prefixItems
    if (schema.items !== undefined) older.additionalItems = schema.items
  }
  for (const [limit, excluding] of [
    ['minimum', 'exclusiveMinimum'],
    ['maximum', 'exclusiveMaximum'],
  ] as const) {
    if (typeof schema[excluding] !== 'boolean') continue
    delete older[excluding]
    if (schema[excluding] && typeof schema[limit] === 'number') {
      older[excluding] = schema[limit]
      delete older[limit]
    }
  }
  return older
}

function withoutNames(schema: Json, places: Map<string, string>): Json {
  const {
    $schema: _schema,
    $vocabulary: _vocabulary,
    $async: _async,
    $id: _id,
    id: _draft04Id,
    $anchor: _anchor,
    $dynamicAnchor: _dynamicAnchor,
    $recursiveAnchor: _recursiveAnchor,
    $dynamicRef,
    $recursiveRef,
    ...plain
  } = schema
  const reference = [plain.$ref, $dynamicRef, $recursiveRef].find(isText)
  return reference === undefined ? plain : { ...plain, $ref: placeOf(reference, places) }
}

/** A reference to a name, or to a place within what has one, as a pointer from the root; any other as it is. */
function placeOf(reference: string, places: Map<string, string>): string {
  const place = places.get(reference)
  if (place !== undefined) return `#${place}`
  const [name = '', pointer = ''] = reference.split('#', 2)
  const start = name === '' ? undefined : places.get(name)
  return start === undefined ? reference : `#${start}${pointer}`
}
