/**
 * Schemas that the engine's grammar would take minutes or its end over, though they are short: it works out all ways that
 * an answer may go on from one place, and every order of what may be left out.
 */
import type { JsonSchema } from './question.ts'
import { readsTooManyWays } from './schema-readings.ts'
import { isObject, type Json, sum, targetOf } from './schema-tree.ts'

/** Alternatives in one place, those behind references included. */
const mostWays = 1000
/** Properties of one object that need not be there. */
const mostOptional = 300
/** Characters of all patterns together, and what they come to with their counts written out. */
const mostPatterns = 8192
const mostWrittenOut = 200_000
/** Of one pattern: the engine follows all ways to share a text among what may repeat or be left out. */
const mostRepeats = 64
/** The most that a count may be, counts within counts included. */
const mostTimes = 1000

/** Why a schema is too much for the engine, in words; undefined when it is not. */
export function excessOf(root: JsonSchema): string | undefined {
  const known = new Map<object, number>()
  const written = { characters: 0, out: 0 }

  /** In how many ways an answer may begin here. */
  function waysInto(schema: unknown): number {
    if (!isObject(schema)) return 1
    const before = known.get(schema)
    if (before !== undefined) return before
    // What leads back to itself adds nothing.
    known.set(schema, 0)
    const beside = [schema.anyOf, schema.oneOf, schema.allOf].filter(Array.isArray).flat()
    const values = Array.isArray(schema.enum) ? schema.enum.length : 0
    const ways = waysOfReference(schema.$ref) + sum(beside.map(waysInto)) + values
    known.set(schema, Math.max(1, ways))
    return Math.max(1, ways)
  }

  const waysOfReference = (reference: unknown): number =>
    typeof reference === 'string' ? waysInto(targetOf(root, reference)) : 0

  function excess(schema: unknown): string | undefined {
    if (!isObject(schema) && !Array.isArray(schema)) return undefined
    if (isObject(schema)) {
      if (waysInto(schema) > mostWays) return `at most ${mostWays} alternatives are accepted in one place`
      if (optionalIn(schema) > mostOptional)
        return `at most ${mostOptional} properties of an object may be left out of required`
      const patterns = patternsIn(schema)
      written.characters += sum(patterns.map(({ length }) => length))
      written.out += sum(patterns.map(writtenOut))
      if (written.characters > mostPatterns || written.out > mostWrittenOut)
        return 'its patterns are too long'
      if (patterns.some((pattern) => repeatsIn(pattern) > mostRepeats))
        return `at most ${mostRepeats} repeats are accepted in a pattern`
    }
    for (const inner of Object.values(schema)) {
      const found = excess(inner)
      if (found) return found
    }
    return undefined
  }

  const found = excess(root)
  if (found) return found
  return readsTooManyWays(root) ? 'too many of its alternatives begin alike' : undefined
}

/** Names of `patternProperties` are patterns as well. */
const patternsIn = ({ pattern, patternProperties }: Json): string[] => [
  ...(typeof pattern === 'string' ? [pattern] : []),
  ...(isObject(patternProperties) ? Object.keys(patternProperties) : []),
]

/** `(?:` begins a group. */
const repeatsIn = (pattern: string): number => pattern.match(/(?<!\()[?*+{]/g)?.length ?? 0

/** A count may stand behind a group of any length, and within another. */
function writtenOut(pattern: string): number {
  let times = 1
  for (const [, least, most] of pattern.matchAll(/\{(\d+)(?:,(\d*))?\}/g))
    times = Math.min(mostTimes, times * Math.max(1, Number(most || least)))
  return pattern.length * times
}

function optionalIn({ properties, required }: Json): number {
  if (!isObject(properties)) return 0
  const needed = new Set(Array.isArray(required) ? required : [])
  return Object.keys(properties).filter((name) => !needed.has(name)).length
}
