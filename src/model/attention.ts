/** What a model keeps of each token, counted from its header: keys and values, layer by layer. */
import { ownFilesOf } from './families/known-families.ts'
import { type Header, type Range, whole, wholes } from './header.ts'
import { ModelProblem } from './model-problem.ts'

export type CacheBytes = {
  /** Bytes of one token's keys and values over all layers, at 16 bits a number. */
  kvBytesPerToken: number
  /** The same of one row of a picture, in the layers that keep rows of pictures beside the context. */
  kvBytesPerRow: number
}

/** llama.cpp's LLAMA_MAX_LAYERS. */
const mostLayers = 512
/** Far beyond any model; together they keep every sum of bytes a number that can be counted with. */
export const embeddingLengths: Range = [1, 2 ** 20]
const headCounts: Range = [0, 2 ** 16]
const headLengths: Range = [1, 2 ** 16]

export function cacheBytes(header: Header, architecture: string): CacheBytes {
  const layers = layerBytes(header, architecture)
  const ofPictures = ownFilesOf(header)?.pictureLayers(header) ?? new Set<number>()
  const sum = (counts: (layer: number) => boolean) =>
    layers.reduce((total, bytes, layer) => (counts(layer) ? total + bytes : total), 0)
  return {
    kvBytesPerToken: sum((layer) => !ofPictures.has(layer)),
    kvBytesPerRow: sum((layer) => ofPictures.has(layer)),
  }
}

/** Layers of the text model; 0 where the file does not say. Each has tensors of its own. */
export function layerCount(header: Header, architecture: string): number {
  const key = `${architecture}.block_count`
  const layers = whole(header, key, [0, mostLayers])
  // The first of several files speaks for them all.
  const tensors = Math.max(header.tensors.length, whole(header, 'split.tensors.count', [0, 2 ** 31 - 1]))
  if (layers > tensors)
    throw new ModelProblem(`${header.path} is broken: ${key} is ${layers}, but it has ${tensors} tensors`)
  return layers
}

/** Bytes of one token's keys and values in each layer, at 16 bits a number. */
function layerBytes(header: Header, architecture: string): number[] {
  const key = (name: string) => `${architecture}.${name}`
  const layers = layerCount(header, architecture)
  const heads = perLayer(header, key('attention.head_count'), layers)
  const kvHeads = header.metadata.has(key('attention.head_count_kv'))
    ? perLayer(header, key('attention.head_count_kv'), layers)
    : heads
  const embedding = whole(header, key('embedding_length'), embeddingLengths)
  const headLength = Math.floor(embedding / Math.max(1, heads[0] ?? 1))
  const keyLength = whole(header, key('attention.key_length'), headLengths) || headLength
  const valueLength = whole(header, key('attention.value_length'), headLengths) || headLength
  const bytesPerNumber = 2
  return kvHeads.map((count) => count * (keyLength + valueLength) * bytesPerNumber)
}

/** Some architectures give one number for all layers, some a list. */
function perLayer(header: Header, key: string, layers: number): number[] {
  const list = wholes(header, key, headCounts)
  if (!list) return Array<number>(layers).fill(whole(header, key, headCounts))
  if (list.length === layers) return list
  throw new ModelProblem(`${header.path} is broken: ${key} is a list of ${list.length} for ${layers} layers`)
}
