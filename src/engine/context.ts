/** How large a context the engine is started with. */
import type { ModelFacts } from '../model/facts.ts'
import { contextFor, usualContext } from '../model/picture-share.ts'
import type { ModelSettings } from '../model/settings.ts'
import { batchSize } from './command.ts'
import { type MemoryResources, memoryNeed, memoryShortage } from './resources.ts'

export type Start = {
  /** With the context that is taken. */
  settings: ModelSettings
  /** Tokens of the context in which all pictures would fit, where there was no memory for it and nobody asked for it. */
  missed: number | undefined
  /** What is wrong all the same. */
  shortage: string | undefined
}

/** The settings as they are told: with the context that the engine has, or will have as far as anybody knows. */
export const toldSettings = (settings: ModelSettings, contextTokens: number | undefined): ModelSettings => ({
  ...settings,
  contextTokens: contextTokens ?? (settings.contextTokens || usualContext),
})

export function startWith(settings: ModelSettings, model: ModelFacts, resources: MemoryResources): Start {
  const shortageOf = (set: ModelSettings) =>
    memoryShortage(memoryNeed(model, set, batchSize(model)), resources)
  const wanted = { ...settings, contextTokens: contextFor(settings, model) }
  const shortage = shortageOf(wanted)
  if (!shortage || settings.contextTokens > 0) return { settings: wanted, missed: undefined, shortage }
  const usual = { ...settings, contextTokens: usualContext }
  const missed = wanted.contextTokens > usualContext ? wanted.contextTokens : undefined
  return { settings: usual, missed, shortage: shortageOf(usual) }
}
