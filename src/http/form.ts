/** A form's bytes (`multipart/form-data`) -> its texts and files. All of it has come, so nothing is waited for. */
import { setImmediate as otherTurns } from 'node:timers/promises'
import { Busboy } from '@fastify/busboy'
import { Failure, failure } from '../errors.ts'
import { parseJson } from './json.ts'

export type Form = {
  /** Every value of each field, in their order: texts, and what a part of type JSON holds. */
  fields: Map<string, unknown[]>
  /** Pictures, in their order. */
  files: Buffer[]
}

/** More than any request has use for: how many pictures are too many is told with their number. */
const mostParts = 1000
/** Names of unknown fields are told in the answer. */
const longestName = 100
/** What is read at one go: other requests take turns with a large form. */
const turnBytes = 256 * 1024

/** Throws `missing_body`, `invalid_form`, `unexpected_file`, or what is wrong with a part that is JSON. */
export async function readForm(bytes: Buffer, contentType: string, maxFields: number): Promise<Form> {
  if (bytes.length === 0) throw failure('missing_body')
  try {
    return await parts(bytes, contentType, maxFields)
  } catch (error) {
    if (error instanceof Failure) throw error
    throw invalid('it is cut off, or its Content-Type names another boundary or none', error)
  }
}

const invalid = (reason: string, cause?: unknown) => failure('invalid_form', { reason }, { cause })

function parts(bytes: Buffer, contentType: string, maxFields: number): Promise<Form> {
  return new Promise((resolve, reject) => {
    const { fields, files }: Form = { fields: new Map(), files: [] }
    const parser = new Busboy({
      headers: { 'content-type': contentType },
      limits: { parts: mostParts, files: mostParts, fields: maxFields, fieldSize: bytes.length },
    })
    parser.on('field', (name, value, _nameCut, _valueCut, _encoding, type) => {
      try {
        requireName(name)
        const values = fields.get(name) ?? []
        fields.set(name, [...values, type.startsWith('application/json') ? jsonPart(value) : value])
      } catch (error) {
        reject(error)
      }
    })
    parser.on('file', (name, file) => {
      const index = files.push(Buffer.alloc(0)) - 1
      const pieces: Buffer[] = []
      file.on('error', reject)
      file.on('data', (piece: Buffer) => pieces.push(piece))
      file.on('end', () => {
        files[index] = Buffer.concat(pieces)
      })
      if (name !== 'image' && name !== 'images') reject(misplaced(name))
    })
    const tooMany = (what: string) => () => reject(invalid(`it has more than ${what}`))
    parser
      .on('partsLimit', tooMany(`${mostParts} parts`))
      .on('filesLimit', tooMany(`${mostParts} parts`))
      .on('fieldsLimit', tooMany(`${maxFields} fields`))
      .on('error', reject)
      .on('finish', () => resolve({ fields, files }))
    // Nothing is left to happen then: a parser that has not finished waits for what never comes.
    feed(parser, bytes).then(() => reject(new Error('The form came to no end')), reject)
  })
}

async function feed(parser: InstanceType<typeof Busboy>, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length && parser.writable; at += turnBytes) {
    parser.write(bytes.subarray(at, at + turnBytes))
    await otherTurns()
  }
  parser.end()
  await otherTurns()
}

/** Throws `invalid_form` unless a field may have this name. */
function requireName(name: string | undefined): asserts name is string {
  if (!name) throw invalid('a part of it has no name')
  if (name.length > longestName) {
    throw invalid(`the name of a field is longer than ${longestName} characters`)
  }
  if (name in Object.prototype) throw invalid('a field has a name that is not accepted')
}

function misplaced(name: string | undefined): Failure {
  try {
    requireName(name)
  } catch (error) {
    return error as Failure
  }
  return failure('unexpected_file', { field: name })
}

function jsonPart(text: string): unknown {
  try {
    return parseJson(Buffer.from(text))
  } catch (error) {
    throw (error as Failure).code === 'json_too_complex'
      ? error
      : invalid('a field that is said to be JSON is not')
  }
}
