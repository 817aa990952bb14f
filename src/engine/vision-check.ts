/**
 * Proof that a loaded engine can see: `/health` alone would also be 200 without a model or without its projector, and a
 * model whose arithmetic is broken answers every question with the same nonsense.
 */
import type { Config } from '../config.ts'
import { messageOf } from '../errors.ts'
import type { ModelFacts } from '../model/facts.ts'
import { blueSquare, redSquare } from '../plain-squares.ts'
import type { EngineClient } from './client.ts'
import type { AttemptEnd } from './diagnosis.ts'
import type { Likelihood } from './wire.ts'

/** Models up to this size answer one picture within seconds on two cores; larger ones would keep a start waiting. */
const quickModelBytes = 2 * 1024 ** 3

/** Undefined when it has loaded what it should, with eyes. Never rejects: who does not answer now may answer later. */
export async function provesItIsComplete(
  engine: Pick<EngineClient, 'properties'>,
  name: string,
): Promise<AttemptEnd | undefined> {
  const properties = await engine.properties().catch((error: unknown) => messageOf(error))
  if (typeof properties === 'string') {
    return { sentence: `The engine did not tell what it has loaded (${properties})`, retry: 'backoff' }
  }
  if (!properties.modalities?.vision) {
    return {
      sentence: 'The engine loaded the model without its vision projector',
      retry: 'when files change',
    }
  }
  if (properties.model_alias !== name) {
    return {
      sentence: `The engine serves ${properties.model_alias} instead of ${name}`,
      retry: 'when files change',
    }
  }
  return undefined
}

/** Whether a first picture is worth its time before anybody asks. */
export const looksAtStart = (check: Config['VISION_CHECK'], model: ModelFacts): boolean =>
  check === 'on' || (check === 'auto' && model.weightBytes + model.mmprojBytes <= quickModelBytes)

/** Shows it two plain colours, which it must tell apart. Undefined when it does; never rejects. */
export async function provesItSees(
  engine: Pick<EngineClient, 'firstTokens'>,
  signal: AbortSignal,
): Promise<AttemptEnd | undefined> {
  try {
    const red = await firstTokensAbout(engine, redSquare, signal)
    const blue = await firstTokensAbout(engine, blueSquare, signal)
    if (![...red, ...blue].every(({ logprob }) => Number.isFinite(logprob)))
      return broken('computes with numbers that are none (NaN)')
    if (red.length === 0) return broken('does not tell how likely its words are')
    if (JSON.stringify(red) === JSON.stringify(blue)) return broken('sees no difference between red and blue')
    return undefined
  } catch (error) {
    return {
      sentence: `The engine could not answer a first small picture (${messageOf(error)})`,
      retry: 'backoff',
    }
  }
}

const broken = (what: string): AttemptEnd => ({
  sentence: `The engine ${what}: the model's files are damaged or do not belong together; fetch them again`,
  // Hardly ever the machine's doing, and then not three times in a row.
  retry: 'perhaps',
})

function firstTokensAbout(
  engine: Pick<EngineClient, 'firstTokens'>,
  square: string,
  signal: AbortSignal,
): Promise<Likelihood[]> {
  const content = [
    { type: 'image_url' as const, image_url: { url: `data:image/png;base64,${square}` } },
    { type: 'text' as const, text: 'What colour is this?' },
  ]
  return engine.firstTokens({ messages: [{ role: 'user', content }], max_tokens: 1, temperature: 0 }, signal)
}
