/** A file that is to be fetched, and the name that it gets: safe for any folder. */
import { PullProblem } from './requests.ts'

export type RemoteFile = {
  /** What it is to be called in the folder. */
  name: string
  address: string
  /** Bytes, where the source tells. */
  size: number | undefined
  /** Hexadecimal, lower case, where the source tells. */
  sha256: string | undefined
  /** Of an address alone, where its server tells. */
  etag?: string | undefined
}

/** The last part of a path as a file name of ours. */
export function safeName(path: string): string {
  const name = path.split(/[/\\]/).at(-1) ?? ''
  if (/^[\p{L}\p{N}_][^\p{C}:*?"<>|]{0,199}$/u.test(name) && /\.gguf$/i.test(name)) return name
  throw new PullProblem(`${JSON.stringify(name)} is no name of a GGUF file; it must end in .gguf`)
}
