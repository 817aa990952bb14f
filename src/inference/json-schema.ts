/**
 * Schemas of strangers, compiled once each. A schema is data: its names and values are quoted by Ajv where it writes code,
 * its patterns run on an engine whose time grows with the text alone, and no keyword of its own changes how the check
 * runs. How long all that takes is bounded by who asks, since alternatives within alternatives can still multiply.
 */
import { createHash } from 'node:crypto'
import { Ajv2019 } from 'ajv/dist/2019.js'
import { RE2JS } from 're2js'
import { failure, messageOf } from '../errors.ts'
import type { JsonSchema } from './question.ts'
import { excessOf } from './schema-bounds.ts'
import { inOneDialect } from './schema-dialect.ts'

/** What is wrong with a value, in words; null when it follows the schema. */
export type SchemaCheck = (value: unknown) => string | null

/** Clients ask with the same few schemas again and again. */
const mostKept = 64

const kept = new Map<string, SchemaCheck>()

/** Throws `invalid_json_schema` for a schema that is none, or that no answer can be held to here. */
export function compiledSchema(schema: JsonSchema): SchemaCheck {
  const key = createHash('sha256').update(JSON.stringify(schema)).digest('base64')
  const check = kept.get(key) ?? compiled(schema)
  // Put last again: the one that was not asked for the longest goes first.
  kept.delete(key)
  kept.set(key, check)
  const [oldest] = kept.keys()
  if (kept.size > mostKept && oldest !== undefined) kept.delete(oldest)
  return check
}

// Compiled once, at the first schema; schemas themselves go to instances of their own, which know of no others.
const dialect = new Ajv2019({ strict: false, logger: false })
// Before the first question, whose time it would take.
dialect.validateSchema({})

function compiled(schema: JsonSchema): SchemaCheck {
  try {
    const plain = inOneDialect(schema)
    const excess = excessOf(plain)
    if (excess) throw new Error(excess)
    if (dialect.validateSchema(plain) !== true) throw new Error(dialect.errorsText())
    const ajv = new Ajv2019({
      // Formats and keywords of their own are theirs to have.
      strict: false,
      validateFormats: false,
      logger: false,
      meta: false,
      validateSchema: false,
      // `constructor` is a name like any other, which not every object has.
      ownProperties: true,
      // Definitions that are copied to every place that refers to them grow without bound.
      inlineRefs: false,
      // Without the pass that shortens the code: it takes longer than the rest of the work.
      code: { optimize: false, regExp: linearPattern },
    })
    const valid = ajv.compile(plain)
    return (value) => {
      if (valid(value) === true) return null
      const [fault] = valid.errors ?? []
      return `${fault?.instancePath || 'The answer'} ${fault?.message ?? 'cannot be checked'}`
    }
  } catch (error) {
    throw refuse(messageOf(error).slice(0, 300))
  }
}

const refuse = (reason: string) => failure('invalid_json_schema', { field: 'json_schema', reason })

/** A pattern as RE2 reads it, which never goes back over its text: no lookaround and no references to groups. */
const linearPattern = Object.assign(
  (pattern: string) => {
    try {
      new RegExp(pattern, 'u')
      // RE2JS would read these references as the plain letter or digit.
      if (/^(?:[^\\]|\\[^k1-9])*\\[k1-9]/s.test(pattern)) throw new Error('it refers to a group')
      const compiledPattern = RE2JS.compile(RE2JS.translateRegExp(pattern))
      // Ajv knows patterns apart by their text alone.
      return { test: (text: string) => compiledPattern.test(text), toString: () => pattern }
    } catch (error) {
      const unsupported = 'lookaround and references to groups are not supported in patterns'
      throw new Error(
        `the pattern ${JSON.stringify(pattern.slice(0, 60))} can't be used (${messageOf(error)}); ${unsupported}`,
      )
    }
  },
  { code: 'linearPattern' },
)
