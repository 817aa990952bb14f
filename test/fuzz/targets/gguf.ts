import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadConfig } from '../../../src/config.ts'
import { findModel } from '../../../src/model/facts.ts'
import { ModelProblem } from '../../../src/model/model-problem.ts'
import { modelSettings } from '../../../src/model/settings.ts'
import { writeModelPair } from '../../support/fake-engine.ts'
import { must, type Target, typedOnly } from '../target.ts'

const folder = mkdtempSync(join(tmpdir(), 'fuzz-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
writeModelPair(folder)
const model = join(folder, 'tiny.gguf')
const honest = readFileSync(model)
const settings = modelSettings(loadConfig({ MODEL_PATH: folder, MODEL_NAME: 'tiny.gguf' }))

/** A whole model, of which the text's file is changed: what is read of it, and how far it is believed. */
export const target: Target = {
  async run(bytes) {
    writeFileSync(model, bytes)
    const facts = await typedOnly([ModelProblem], () => findModel(settings))
    if (!facts) return
    const numbers = [facts.embeddingLength, facts.contextLength, facts.kvBytesPerToken, facts.weightBytes]
    must(
      numbers.every((number) => Number.isSafeInteger(number) && number >= 0),
      `its numbers are counts: ${numbers}`,
    )
    must(
      facts.controlTokens.every((token) => token !== ''),
      'a token has characters',
    )
  },
  seeds: [honest, honest.subarray(0, 64), 'GGUF', ''],
  tokens: [
    'GGUF',
    'general.architecture',
    'llama.block_count',
    'tokenizer.ggml.token_type',
    'mllama',
    'clip',
  ],
  mostBytes: 4096,
}
