/** The JSON Schema that answers of a run have to follow, from a file. */
import { readSmall } from '../../model/regular-file.ts'

export type AnswerSchema = {
  /** As it is sent. */
  text: string
  /** Names of the properties that an answer has, in the schema's order. */
  columns: readonly string[]
}

/** As many characters as the service takes of a schema. */
const mostBytes = 65_536
/** A spreadsheet's own limit is not far. */
const mostColumns = 200

/** Throws an Error whose message says what is wrong with the file. */
export async function readAnswerSchema(path: string): Promise<AnswerSchema> {
  const text = await readSmall(path, mostBytes)
  let schema: unknown
  try {
    schema = JSON.parse(text)
  } catch {
    throw new Error(`${path} is no JSON, as the file of a JSON Schema has to be`)
  }
  const { properties = {} } = Object(schema) as { properties?: unknown }
  const columns = Object.keys(Object(properties))
  if (columns.length === 0)
    throw new Error(`${path} names no properties: an answer has to be an object with some`)
  if (columns.length > mostColumns) throw new Error(`${path} names more than ${mostColumns} properties`)
  return { text, columns }
}
