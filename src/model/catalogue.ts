/**
 * Models that people have, by family: the names by which `llama-vision pull` fetches them, about how large their files are,
 * and what their pictures take. Repositories and quantizations are those of llama.cpp's own list and tests
 * (docs/multimodal.md, tools/mtmd/tests.sh of v0.5.0); none of them could be downloaded where this was written.
 */
import { familyOf } from './families/known-families.ts'
import type { Header, Value } from './header.ts'
import {
  mostTokens,
  type PictureCost,
  type Size,
  sizeWithin,
  tokensOf,
  withCap,
} from './picture-cost/cost.ts'
import { usualContext } from './picture-share.ts'

export type CatalogueFamily = {
  name: string
  /** llama.cpp's name for its kind of picture processing. */
  projectorType: string
  /** Of the projector's file, as the family's models have it: keys below `clip.vision.`, or whole ones. */
  vision: Record<string, Value>
  /** Tensors whose names tell something of its pictures. */
  tensors?: string[]
  models: CatalogueModel[]
}

/** `gigabytes`: about the size of model and projector together. */
export type CatalogueModel = { name: string; pull: string; gigabytes: number }

const hf = (repository: string, quantization = 'Q4_K_M') => `hf:${repository}-GGUF:${quantization}`
const model = (name: string, pull: string, gigabytes: number): CatalogueModel => ({ name, pull, gigabytes })

export const catalogue: readonly CatalogueFamily[] = [
  {
    name: 'Llama 3.2 Vision',
    projectorType: 'mllama',
    vision: {},
    models: [
      model('Llama 3.2 Vision 11B', 'ollama:llama3.2-vision:11b', 7.8),
      model('Llama 3.2 Vision 90B', 'ollama:llama3.2-vision:90b', 55),
    ],
  },
  {
    name: 'Qwen2.5-VL',
    projectorType: 'qwen2.5vl_merger',
    vision: { image_size: 560, patch_size: 14, spatial_merge_size: 2 },
    models: [
      model('Qwen2.5-VL 3B', hf('ggml-org/Qwen2.5-VL-3B-Instruct'), 3.3),
      model('Qwen2.5-VL 7B', hf('ggml-org/Qwen2.5-VL-7B-Instruct'), 6),
      model('Qwen2.5-VL 32B', hf('ggml-org/Qwen2.5-VL-32B-Instruct'), 21),
      model('Qwen2.5-VL 72B', hf('ggml-org/Qwen2.5-VL-72B-Instruct'), 49),
    ],
  },
  {
    name: 'Qwen2-VL',
    projectorType: 'qwen2vl_merger',
    vision: { image_size: 560, patch_size: 14, spatial_merge_size: 2 },
    models: [
      model('Qwen2-VL 2B', hf('ggml-org/Qwen2-VL-2B-Instruct'), 2.3),
      model('Qwen2-VL 7B', hf('ggml-org/Qwen2-VL-7B-Instruct'), 6),
    ],
  },
  {
    name: 'Qwen3-VL',
    projectorType: 'qwen3vl_merger',
    vision: { image_size: 768, patch_size: 16, spatial_merge_size: 2 },
    models: [model('Qwen3-VL 2B', hf('ggml-org/Qwen3-VL-2B-Instruct', 'Q8_0'), 2.7)],
  },
  {
    name: 'Gemma 3',
    projectorType: 'gemma3',
    vision: { image_size: 896, patch_size: 14 },
    models: [
      model('Gemma 3 4B', hf('ggml-org/gemma-3-4b-it'), 3.3),
      model('Gemma 3 12B', hf('ggml-org/gemma-3-12b-it'), 8.2),
      model('Gemma 3 27B', hf('ggml-org/gemma-3-27b-it'), 17.4),
    ],
  },
  {
    name: 'Gemma 4',
    projectorType: 'gemma4v',
    vision: { image_size: 224, patch_size: 16 },
    models: [model('Gemma 4 E2B', hf('ggml-org/gemma-4-E2B-it', 'Q8_0'), 6)],
  },
  {
    name: 'SmolVLM',
    projectorType: 'idefics3',
    vision: { image_size: 384, patch_size: 14, 'projector.scale_factor': 3, preproc_image_size: 1536 },
    models: [
      model('SmolVLM 256M', hf('ggml-org/SmolVLM-256M-Instruct', 'Q8_0'), 0.3),
      model('SmolVLM 500M', hf('ggml-org/SmolVLM-500M-Instruct', 'Q8_0'), 0.6),
      model('SmolVLM2 2.2B', hf('ggml-org/SmolVLM2-2.2B-Instruct'), 1.8),
    ],
  },
  {
    name: 'InternVL 2.5 and 3',
    projectorType: 'internvl',
    vision: { image_size: 448, patch_size: 14, 'projector.scale_factor': 2 },
    models: [
      model('InternVL2.5 1B', hf('ggml-org/InternVL2_5-1B', 'Q8_0'), 1.3),
      model('InternVL3 1B', hf('ggml-org/InternVL3-1B-Instruct', 'Q8_0'), 1.3),
      model('InternVL3 8B', hf('ggml-org/InternVL3-8B-Instruct'), 5.3),
      model('InternVL3 14B', hf('ggml-org/InternVL3-14B-Instruct'), 9.7),
    ],
  },
  {
    name: 'Pixtral',
    projectorType: 'pixtral',
    vision: { image_size: 1024, patch_size: 16 },
    tensors: ['v.token_embd.img_break'],
    models: [model('Pixtral 12B', hf('ggml-org/pixtral-12b'), 8.4)],
  },
  {
    name: 'Mistral Small 3.1',
    projectorType: 'pixtral',
    vision: { image_size: 1540, patch_size: 14, spatial_merge_size: 2 },
    tensors: ['v.token_embd.img_break'],
    models: [model('Mistral Small 3.1 24B', hf('ggml-org/Mistral-Small-3.1-24B-Instruct-2503'), 15.2)],
  },
  {
    name: 'LLaVA 1.6',
    projectorType: 'mlp',
    vision: {
      ...{ image_size: 336, patch_size: 14 },
      image_grid_pinpoints: [336, 672, 672, 336, 672, 672, 1008, 336, 336, 1008],
    },
    models: [
      model('LLaVA 1.6 Mistral 7B', 'hf:cjpais/llava-1.6-mistral-7b-gguf:Q4_K_M', 5),
      model('LLaVA 1.6 7B', 'ollama:llava:7b', 4.7),
      model('LLaVA 1.6 13B', 'ollama:llava:13b', 8),
    ],
  },
  {
    name: 'MiniCPM-V 2.6',
    projectorType: 'resampler',
    vision: { image_size: 448, patch_size: 14, 'clip.minicpmv_version': 3 },
    models: [
      model('MiniCPM-V 2.6', 'hf:openbmb/MiniCPM-V-2_6-gguf:Q4_K_M', 5.7),
      model('MiniCPM-V 2.6', 'ollama:minicpm-v:8b', 5.5),
    ],
  },
  {
    name: 'LFM2-VL',
    projectorType: 'lfm2',
    vision: { image_size: 256, patch_size: 16, 'projector.scale_factor': 2 },
    models: [model('LFM2-VL 450M', hf('ggml-org/LFM2-VL-450M', 'Q8_0'), 0.5)],
  },
  {
    name: 'Llama 4',
    projectorType: 'llama4',
    vision: { image_size: 336, patch_size: 14, 'projector.scale_factor': 2 },
    models: [model('Llama 4 Scout', hf('ggml-org/Llama-4-Scout-17B-16E-Instruct'), 67)],
  },
  {
    name: 'GLM-4.6V',
    projectorType: 'glm4v',
    vision: { image_size: 336, patch_size: 14, spatial_merge_size: 2 },
    models: [model('GLM-4.6V Flash 9B', hf('ggml-org/GLM-4.6V-Flash'), 8)],
  },
]

/** What a family's pictures take; undefined for Llama 3.2 Vision, whose pictures are no tokens of the context. */
function catalogueCost({ projectorType, vision, tensors = [] }: CatalogueFamily): PictureCost | undefined {
  const entries = Object.entries(vision).map(
    ([key, value]) => [key.startsWith('clip.') ? key : `clip.vision.${key}`, value] as const,
  )
  const header: Header = {
    ...{ path: '', fileBytes: 0, dataOffset: 0, metadata: new Map(entries) },
    tensors: tensors.map((name) => ({ name, offset: 0 })),
  }
  const { pictureCost, pictureTokens } = familyOf(projectorType)
  const cost = pictureCost?.(header, projectorType)
  return cost && pictureTokens ? withCap(cost, Math.min(pictureTokens[1], usualContext / 2)) : cost
}

/** With the usual settings: tokens of a small picture, of a page or screen, and the most. */
export function catalogueTokens(
  family: CatalogueFamily,
): { small: number; page: number; most: number } | undefined {
  const cost = catalogueCost(family)
  if (!cost) return undefined
  // Others get a context in which all of them fit.
  const share = cost.kind === 'area' ? usualContext / 2 : mostTokens(cost)
  const shown = (size: Size): number => tokensOf(cost, sizeWithin(cost, size, share))
  return {
    small: shown({ width: 640, height: 480 }),
    page: shown({ width: 1240, height: 1754 }),
    most: Math.min(share, mostTokens(cost)),
  }
}

/** What a machine has, in GB of memory. */
const machines = [2, 4, 8, 16, 24, 32, 64, 96, 128]
/** For the context, pictures at work and everything else that runs. */
const besideGigabytes = 1.5

export const machineFor = ({ gigabytes }: CatalogueModel): number =>
  machines.find((one) => one >= gigabytes + besideGigabytes) ?? Math.ceil(gigabytes + besideGigabytes)
