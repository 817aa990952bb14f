/**
 * Proof that a loaded engine can see: `/health` alone would also be 200 without a model or without its projector.
 */
import type { Config } from '../config.ts'
import { messageOf } from '../errors.ts'
import type { ModelFacts } from '../model/facts.ts'
import { redSquare } from '../red-square.ts'
import type { EngineClient } from './client.ts'

/** Models up to this size answer one picture within seconds on two cores; larger ones would keep a start waiting. */
const quickModelBytes = 2 * 1024 ** 3
const answerLimitMs = 300_000

/** What the engine lacks, as a sentence; undefined when it sees. */
export async function provesItSees(
  engine: EngineClient,
  config: Config,
  model: ModelFacts,
): Promise<string | undefined> {
  try {
    const properties = await engine.properties()
    if (!properties.modalities?.vision) return 'The engine loaded the model without its vision projector'
    if (properties.model_alias !== config.MODEL_NAME) {
      return `The engine serves ${properties.model_alias} instead of ${config.MODEL_NAME}`
    }
    const quick = model.weightBytes + model.mmprojBytes <= quickModelBytes
    if (config.VISION_CHECK === 'on' || (config.VISION_CHECK === 'auto' && quick))
      await answerOnePicture(engine)
    return undefined
  } catch (error) {
    return `The engine could not answer a first small picture (${messageOf(error)})`
  }
}

async function answerOnePicture(engine: EngineClient): Promise<void> {
  const content = [
    { type: 'image_url' as const, image_url: { url: `data:image/png;base64,${redSquare}` } },
    { type: 'text' as const, text: 'What colour is this?' },
  ]
  const body = { messages: [{ role: 'user' as const, content }], max_tokens: 1, temperature: 0, top_p: 1 }
  // The stream throws unless it reaches its finish.
  for await (const _ of engine.chat(body, AbortSignal.timeout(answerLimitMs), () => {}));
}
