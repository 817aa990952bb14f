/**
 * What `pull` was asked for -> the files to fetch: from a repository of Hugging Face, from an address, or from a
 * registry that speaks Ollama's protocol. Only lists are read here.
 */
import { parseOllamaName } from '../model/ollama-store.ts'
import { huggingFaceForms, huggingFaceSource } from '../model/source-name.ts'
import { huggingFaceFiles } from './hugging-face.ts'
import { ollamaFiles } from './ollama-registry.ts'
import { type RemoteFile, safeName } from './remote-file.ts'
import { PullProblem, strongEtag, visit, type Web } from './requests.ts'

/** Base addresses without a slash at the end. */
export type Endpoints = { huggingFace: string; ollama: string }

const forms = `${huggingFaceForms}, https://host/file.gguf or ollama:name:tag`

/** The files of `source`, the model before its projector. Throws `PullProblem` when there is nothing to fetch. */
export async function filesOf(source: string, endpoints: Endpoints, web: Web): Promise<RemoteFile[]> {
  if (source.startsWith('hf:')) return await huggingFaceFiles(source, endpoints.huggingFace, web)
  if (source.startsWith('ollama:')) return await ollamaFiles(source, endpoints.ollama, web)
  if (/^https?:\/\//.test(source) && URL.canParse(source))
    return [await fileAt(fileBehindPage(source, endpoints.huggingFace), web)]
  throw new PullProblem(`${source} is nothing that can be pulled; expected ${forms}${meantBy(source)}`)
}

/** Names without what says where they are from. */
function meantBy(source: string): string {
  const meant = [
    ...(huggingFaceSource.test(`hf:${source}`) ? [`hf:${source}`] : []),
    ...(parseOllamaName(source) ? [`ollama:${source}`] : []),
  ]
  return meant.length > 0 ? `. Was ${meant.join(' or ')} meant?` : ''
}

/** What a browser shows of a file of Hugging Face is a page about it. */
const fileBehindPage = (address: string, endpoint: string): string =>
  address.startsWith(`${endpoint}/`) ? address.replace(/^(.+?:\/\/.+?)\/blob\//, '$1/resolve/') : address

async function fileAt(address: string, web: Web): Promise<RemoteFile> {
  let path = new URL(address).pathname
  try {
    path = decodeURIComponent(path)
  } catch {
    // A stray percent sign is a character like any other.
  }
  const name = safeName(path)
  // Many servers know no HEAD: whatever goes wrong here is told by the GET, if it goes wrong there too.
  const head = await visit(web, address, 'HEAD').catch(() => web.signal.throwIfAborted())
  const length = Number(head?.headers['content-length'] ?? Number.NaN)
  await head?.body.dump()
  return {
    name,
    address,
    // Some servers answer HEAD with 0 for what they make as they send it.
    size: Number.isSafeInteger(length) && length > 0 ? length : undefined,
    sha256: head?.sha256,
    etag: strongEtag(head?.headers ?? {}),
  }
}
