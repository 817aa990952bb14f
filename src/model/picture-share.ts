/**
 * How much of the context pictures may take, and how large it is when nobody said: pictures that cannot be made smaller
 * without losing what the model was made for have one in which they fit.
 */
import type { ModelFacts } from './facts.ts'
import { familyOf } from './families/known-families.ts'
import { mostTokens, type PictureCost, withCap } from './picture-cost/cost.ts'
import { tilesWithin } from './picture-cost/edge.ts'
import type { ModelSettings } from './settings.ts'

export type ShareSettings = Pick<ModelSettings, 'contextTokens' | 'imageMaxTokens'>

/** What `CONTEXT_SIZE` is where neither the operator nor the model wants another. */
export const usualContext = 2048
/** For the question and the answer. */
const textTokens = 1024
const contextStep = 256

/** Tokens that each of so many pictures may take. */
export function pictureShare({ contextTokens, imageMaxTokens }: ShareSettings, pictures: number): number {
  const all = Math.max(Math.floor(contextTokens / 2), contextTokens - textTokens)
  const each = Math.floor(all / Math.max(1, pictures))
  return imageMaxTokens > 0 ? Math.min(imageMaxTokens, each) : each
}

/** What the engine is told as the most tokens of a picture, or undefined for models to which that means nothing. */
export function imageTokenCap(settings: ShareSettings, { projector }: ModelFacts): number | undefined {
  const { pictureTokens } = familyOf(projector.type)
  const { pictureCost } = projector
  if (pictureTokens) {
    const [least, most] = pictureTokens
    const usual = Math.floor(settings.contextTokens / 2)
    return Math.min(most, Math.max(least, settings.imageMaxTokens || usual))
  }
  if (pictureCost?.kind !== 'edge') return undefined
  const share = pictureShare(settings, 1)
  return mostTokens(pictureCost) > share ? tilesWithin(pictureCost, share) * pictureCost.tile : undefined
}

/** The cost of a picture as the engine was told to make it. */
export const toldCost = (settings: ShareSettings, model: ModelFacts): PictureCost | undefined =>
  model.projector.pictureCost && withCap(model.projector.pictureCost, imageTokenCap(settings, model))

/** Tokens of the context for a model; what the operator set, if he did. */
export function contextFor(
  { contextTokens }: ShareSettings,
  { projector, contextLength }: ModelFacts,
): number {
  if (contextTokens > 0) return contextTokens
  const { pictureCost: cost } = projector
  // One of any size can be made smaller bit by bit.
  if (!cost || cost.kind === 'area') return usualContext
  const wanted = Math.ceil((mostTokens(cost) + textTokens) / contextStep) * contextStep
  return Math.max(usualContext, Math.min(wanted, contextLength || wanted))
}
