/** A form's bytes (`multipart/form-data`) -> its texts and files. All of it has come, so nothing is waited for. */
import { setImmediate as otherTurns } from 'node:timers/promises'
import { Busboy, type BusboyInstance } from '@fastify/busboy'
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
    const over = new AbortController()
    const refuse = (error: unknown) => {
      reject(error)
      over.abort()
    }
    const refuseTooMany = (what: string) => () => refuse(invalid(`it has more than ${what}`))
    const parser = new Busboy({
      headers: { 'content-type': contentType },
      limits: { parts: mostParts, files: mostParts, fields: maxFields, fieldSize: bytes.length },
    })
    parser
      .on('field', (name, value, _nameCut, _valueCut, _encoding, type) => {
        const fault = faultOf(name)
        if (fault) return refuse(fault)
        try {
          const part = type.startsWith('application/json') ? jsonPart(value) : value
          fields.set(name, [...(fields.get(name) ?? []), part])
        } catch (error) {
          refuse(error)
        }
      })
      .on('file', (name, file) => {
        const pieces: Buffer[] = []
        const index = files.push(Buffer.alloc(0)) - 1
        file.on('error', refuse)
        file.on('data', (piece: Buffer) => pieces.push(piece))
        file.on('end', () => {
          files[index] = Buffer.concat(pieces)
        })
        if (name !== 'image' && name !== 'images') {
          refuse(faultOf(name) ?? failure('unexpected_file', { field: name }))
        }
      })
      .on('partsLimit', refuseTooMany(`${mostParts} parts`))
      .on('filesLimit', refuseTooMany(`${mostParts} parts`))
      .on('fieldsLimit', refuseTooMany(`${maxFields} fields`))
      .on('error', refuse)
      .on('finish', () => resolve({ fields, files }))
    // Nothing is left to happen then: a parser that has not finished waits for what never comes.
    feed(parser, bytes, over.signal).then(() => refuse(new Error('The form came to no end')), refuse)
  })
}

async function feed(parser: BusboyInstance, bytes: Buffer, over: AbortSignal): Promise<void> {
  for (let at = 0; at < bytes.length && !over.aborted; at += turnBytes) {
    parser.write(bytes.subarray(at, at + turnBytes))
    await otherTurns()
  }
  parser.end()
  await otherTurns()
}

/** What is wrong with the name of a field. The parser tells no name where there is none, whatever its types say. */
function faultOf(name: string | undefined): Failure | undefined {
  if (!name) return invalid('a part of it has no name')
  if (name.length > longestName) {
    return invalid(`the name of a field is longer than ${longestName} characters`)
  }
  return name in Object.prototype ? invalid('a field has a name that is not accepted') : undefined
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
