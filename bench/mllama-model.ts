/**
 * A model of the true shape of Llama 3.2 11B Vision in Q4_K_M with made-up weights: what it costs is what the real one
 * costs, what it answers is noise. 7.8 GB on disk, written once into the cache.
 */
import { existsSync, mkdirSync, renameSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { type TensorType, tensorBytes, tensorTypes, valueCount, writeGguf } from '../test/support/gguf.ts'
import { llamaVisionFiles, type Shape, type Source, tensorsOf, typeOf } from '../test/support/llama-vision.ts'

const shape: Shape = {
  vocabulary: 128_256,
  hidden: 4096,
  heads: 32,
  kvHeads: 8,
  ffn: 14_336,
  layers: 40,
  cross: [3, 8, 13, 18, 23, 28, 33, 38],
  vision: {
    hidden: 1280,
    heads: 16,
    ffn: 5120,
    layers: 32,
    globalLayers: 8,
    imageSize: 560,
    patchSize: 14,
    intermediate: [3, 7, 15, 23, 30],
  },
}

/** The mix of Q4_K_M: half of the layers keep two of their matrices in six bits. */
function typeInFile(source: Source): TensorType {
  const { name, kind } = source
  if (/^(v|mm)\./.test(name)) return typeOf(source, 'f16')
  if (name === 'output.weight') return 'q6_k'
  const layer = /^blk\.(\d+)\.(attn_v|ffn_down)\.weight$/.exec(name)
  if (layer && moreBits(Number(layer[1]))) return 'q6_k'
  return kind === 'matrix' || kind === 'embedding' ? typeOf(source, 'q4_k') : 'f32'
}

const moreBits = (layer: number): boolean => {
  const eighth = Math.floor(shape.layers / 8)
  return layer < eighth || layer >= 7 * eighth || (layer - eighth) % 3 === 2
}

const pieceBytes = 16 * 1024 ** 2

/** One pattern over and over: weights cost the same whatever they are, as long as they are ordinary numbers. */
function* pattern(source: Source, type: TensorType): Generator<Uint8Array> {
  const piece = ordinary(type)
  for (let left = tensorBytes({ dims: source.dims, type }); left > 0; left -= piece.length) {
    yield left < piece.length ? piece.subarray(0, left) : piece
  }
}

const pieces = new Map<TensorType, Buffer>()

function ordinary(type: TensorType): Buffer {
  const made = pieces.get(type)
  if (made) return made
  const { bytes } = tensorTypes[type]
  const piece = Buffer.alloc(Math.floor(pieceBytes / bytes) * bytes)
  let state = 1
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state >>> 16
  }
  if (type === 'f32')
    for (let at = 0; at < piece.length; at += 4) piece.writeFloatLE(next() / 65_536 - 0.5, at)
  // Halves from ±2^-7 to ±2^-5 for matrices, about what a trained one holds.
  else if (type === 'f16')
    for (let at = 0; at < piece.length; at += 2) piece.writeUInt16LE((next() & 0x87ff) + 0x2000, at)
  else if (type === 'q4_k' || type === 'q6_k') fillBlocks(piece, type, next)
  else throw new Error(`no weights are made of the type ${type}`)
  pieces.set(type, piece)
  return piece
}

/** Half floats near 1e-3 as the blocks' scales; all other bytes of a block may be anything. */
const blockScale = 0x1400

function fillBlocks(piece: Buffer, type: 'q4_k' | 'q6_k', next: () => number): void {
  for (let at = 0; at < piece.length; at += 2) piece.writeUInt16LE(next(), at)
  const { bytes } = tensorTypes[type]
  for (let at = 0; at < piece.length; at += bytes) {
    if (type === 'q4_k') {
      piece.writeUInt16LE(blockScale, at)
      piece.writeUInt16LE(blockScale, at + 2)
    } else piece.writeUInt16LE(blockScale - 0x800, at + bytes - 2)
  }
}

const gateValue = 0.5

function weights(source: Source, type: TensorType) {
  // The tables' rows for absent tiles have to be zero, as in every released file, or the engine can't merge padding.
  if (source.kind === 'table') return () => [new Uint8Array(tensorBytes({ dims: source.dims, type }))]
  if (source.kind !== 'gate') return () => pattern(source, type)
  return () => [new Uint8Array(Float32Array.of(gateValue).buffer)]
}

const [file] = llamaVisionFiles(shape, 'ollama')
if (!file) throw new Error('the single-file layout is one file')

/** Bytes of weights that one generated token reads: all of the text part but its embedding table. */
export const bytesPerToken = file.sources
  .filter(({ name }) => !/^(v|mm)\.|^token_embd/.test(name))
  .reduce((sum, source) => sum + tensorBytes({ dims: source.dims, type: typeInFile(source) }), 0)

export const rowsPerTile = (shape.vision.imageSize / shape.vision.patchSize) ** 2 + 1
/** Bytes of keys and values that a token reads for each row of the picture, at 16 bits. */
export const crossBytesPerRow = shape.cross.length * 2 * shape.kvHeads * (shape.hidden / shape.heads) * 2

/** The folder and name of the file, written when it is not there yet. */
export function benchModel(): { folder: string; name: string } {
  const cache = process.env.LLAMA_VISION_CACHE ?? join(homedir(), '.cache/llama-vision')
  const folder = join(cache, 'bench')
  const name = 'llama-3.2-11b-vision-random-q4_k_m.gguf'
  const path = join(folder, name)
  if (existsSync(path)) return { folder, name }
  mkdirSync(folder, { recursive: true })
  const part = `${path}.part`
  console.error(`writing ${path}, ${valueCount([file?.sources.length ?? 0])} tensors`)
  writeGguf(part, file?.metadata ?? {}, tensorsOf(file?.sources ?? [], weights, typeInFile))
  renameSync(part, path)
  return { folder, name }
}

/** Noise with so many tiles side by side and one above the other, as base64. */
export async function tilesPicture(columns: number, rows: number, seed: number): Promise<string> {
  const { imageSize } = shape.vision
  const noise = { type: 'gaussian' as const, mean: 100 + seed, sigma: 40 }
  const size = { width: imageSize * columns, height: imageSize * rows }
  const create = { ...size, channels: 3 as const, background: 'grey', noise }
  return (await sharp({ create }).png().toBuffer()).toString('base64')
}
