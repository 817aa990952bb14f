/** An Ollama store that holds one model, made of a file that is there. */
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** `folder` is Ollama's, above `models`; `model` and `tag` are names of its library. */
export function writeOllamaStore(folder: string, model: string, tag: string, file: string): void {
  const bytes = readFileSync(file)
  const hex = createHash('sha256').update(bytes).digest('hex')
  const manifests = join(folder, 'models/manifests/registry.ollama.ai/library', model)
  const blobs = join(folder, 'models/blobs')
  for (const one of [manifests, blobs]) mkdirSync(one, { recursive: true })
  symlinkSync(file, join(blobs, `sha256-${hex}`))
  const mediaType = 'application/vnd.ollama.image.model'
  const layers = [{ mediaType, digest: `sha256:${hex}`, size: bytes.length }]
  writeFileSync(join(manifests, tag), JSON.stringify({ schemaVersion: 2, layers }))
}
