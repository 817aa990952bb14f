/** What pull writes down about a file, to know it again: while it comes, and where its source tells no checksum. */
import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { readOwn, writeOwn } from './own-file.ts'

const notesSchema = Type.Object({
  url: Type.String(),
  etag: Type.Optional(Type.String()),
  size: Type.Integer({ minimum: 0 }),
  sha256: Type.Optional(Type.String()),
})
/** Address, bytes and what proves that other bytes are of the same file, all of the whole of it. */
export type Notes = Static<typeof notesSchema>

/** Undefined where there are none. Throws as `readOwn` does. */
export async function readNotes(path: string): Promise<Notes | undefined> {
  const notes = await readOwn(path)
  return Value.Check(notesSchema, notes) ? notes : undefined
}

export const writeNotes = (path: string, notes: Notes): Promise<void> => writeOwn(path, notes)
