/**
 * What the service knows of a family of vision models beside what its files say. Whatever a family leaves out is as for
 * most models that llama.cpp runs; a family that nobody described here runs all the same.
 */
import type { Header } from '../header.ts'
import type { PictureCost } from '../picture-cost/cost.ts'

/** Square tiles that a picture is cut into. `side`: pixels along a tile's side; `most`: tiles of one picture. */
export type Tiling = { side: number; most: number }

export type Family = {
  /** llama.cpp's names for its kinds of picture processing (`clip.projector_type`, or the family's architecture). */
  projectorTypes: readonly [string, ...string[]]
  /**
   * Tokens that llama.cpp v0.5.0 lets a picture have, for models that let them vary (tools/mtmd/clip.cpp,
   * set_limit_image_tokens). Other models ignore a cap.
   */
  pictureTokens?: readonly [least: number, most: number]
  /**
   * What a picture takes of the context, by the projector's header and type. Nothing is known of pictures of other
   * families: whether one fits is left to the engine.
   */
  pictureCost?: (header: Header, type: string) => PictureCost
  /** It looks at all of a picture's tokens at once: the engine aborts unless one batch holds them all. */
  wholePictures?: true
  /** Trained and published in BF16: its files hold weights of F16 that were BF16 before. */
  trainedInBf16?: true
  /** Chat template for files whose own does not fit; Jinja, as llama-server reads it. */
  chatTemplate?: string
  /** For families whose text model, projector or both in one file share an architecture, which is named here. */
  ownFiles?: OwnFiles
}

/** Files with keys of their own instead of those that llama.cpp's converter writes. */
export type OwnFiles = {
  /** `general.architecture` of all of them. */
  architecture: string
  /** What the keys of the vision part begin with. */
  visionPrefix: string
  isProjector(header: Header): boolean
  tiling(header: Header): Tiling
  /** Layers that keep keys and values of a picture's rows, instead of those of the context's tokens. */
  pictureLayers(header: Header): ReadonlySet<number>
  /** Rows that such a layer keeps for each tile. */
  rowsPerTile(header: Header): number
}
