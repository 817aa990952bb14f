/** What a picture was asked, as it is kept with the answer: who asks otherwise gets other answers. */
import { createHash } from 'node:crypto'

export type Asked = { prompt: string; options: string }

type Question = {
  prompt: string
  /** Of `POST /infer`, as texts. */
  fields: Record<string, string>
}

export const isDocument = (path: string): boolean => /\.pdf$/i.test(path)

/** The pages of a document mean nothing to a picture: with others it need not be asked about anew. */
export function fieldsFor(
  path: string,
  { pdf_pages: pages, ...others }: Question['fields'],
): Question['fields'] {
  return pages !== undefined && isDocument(path) ? { ...others, pdf_pages: pages } : others
}

/** The fields become a line such as `max_tokens=50 temperature=0`, a schema its hash. */
export const askedAbout = (path: string, { prompt, fields }: Question): Asked => ({
  prompt,
  options: Object.entries(fieldsFor(path, fields))
    .map(([name, value]) => `${name}=${name === 'json_schema' ? hashOf(value) : value}`)
    .sort()
    .join(' '),
})

export const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16)
