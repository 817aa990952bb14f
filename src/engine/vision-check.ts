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

/** What keeps an engine from seeing. `final`: it stays so until somebody changes a file or a setting. */
export type Blindness = { sentence: string; final: boolean }

/** Undefined when it sees. Never rejects: an engine that does not answer now may answer later. */
export async function provesItSees(
  engine: Pick<EngineClient, 'properties' | 'chat'>,
  check: Config['VISION_CHECK'],
  name: string,
  model: ModelFacts,
): Promise<Blindness | undefined> {
  const properties = await engine.properties().catch((error: unknown) => messageOf(error))
  if (typeof properties === 'string') {
    return { sentence: `The engine did not tell what it has loaded (${properties})`, final: false }
  }
  if (!properties.modalities?.vision) {
    return { sentence: 'The engine loaded the model without its vision projector', final: true }
  }
  if (properties.model_alias !== name) {
    return { sentence: `The engine serves ${properties.model_alias} instead of ${name}`, final: true }
  }
  const quick = model.weightBytes + model.mmprojBytes <= quickModelBytes
  if (check === 'off' || (check === 'auto' && !quick)) return undefined
  return answerOnePicture(engine).then(
    () => undefined,
    (error: unknown) => ({
      sentence: `The engine could not answer a first small picture (${messageOf(error)})`,
      final: false,
    }),
  )
}

async function answerOnePicture(engine: Pick<EngineClient, 'chat'>): Promise<void> {
  const content = [
    { type: 'image_url' as const, image_url: { url: `data:image/png;base64,${redSquare}` } },
    { type: 'text' as const, text: 'What colour is this?' },
  ]
  const body = { messages: [{ role: 'user' as const, content }], max_tokens: 1, temperature: 0, top_p: 1 }
  // The stream throws unless it reaches its finish.
  for await (const _ of engine.chat(body, AbortSignal.timeout(answerLimitMs), () => {}));
}
