/** The tokens that steer a model. The vocabulary is a stranger's too: one that would hurt every prompt is refused. */
import type { Header } from './header.ts'
import { ModelProblem } from './model-problem.ts'

const tokensKey = 'tokenizer.ggml.tokens'
const typesKey = 'tokenizer.ggml.token_type'

/** The most that are known are Gemma 3's 6,250. Each prompt is searched for all of them. */
const mostControlTokens = 16_384
const mostTokenLength = 256

const ordinary = /^[\s\x20-\x7e\p{Letter}\p{Number}]$/u

/** GGUF token types that the engine reads as more than text: unknown and control. */
const steeringTypes = [2, 3]

/**
 * Tokens that llama.cpp v0.5.0 takes for control tokens whatever type the file gives them (src/llama-vocab.cpp,
 * "control-looking token").
 */
const steeringByName = new Set(
  [
    '<|eot_id|> <|im_end|> <|end|> <end_of_turn> <|endoftext|> <|end_of_text|> <EOT> _<EOT> [EOT] <｜end▁of▁sentence｜>',
    '<end_of_utterance> <|eom_id|> <|return|> <|call|> <|flush|> <|calls|> </s> [EOS] <eos> <turn|> <|tool_response>',
    '[e~[ <|fim_prefix|> <fim-prefix> <fim_prefix> <｜fim▁begin｜> <PRE> ▁<PRE> <|code_prefix|> <|prefix|>',
    '<|fim_suffix|> <fim-suffix> <fim_suffix> <｜fim▁hole｜> <SUF> ▁<SUF> <|code_suffix|> <|suffix|>',
    '<|fim_middle|> <fim-middle> <fim_middle> <｜fim▁end｜> <MID> ▁<MID> <|code_middle|> <|middle|>',
    '<|fim_pad|> <fim-pad> <fim_pad> <PAD> [PAD] <|fim_repo|> <|repo_name|> <fim-repo> <REPO> <reponame> <|file_sep|>',
  ].flatMap((line) => line.split(' ')),
)

/**
 * Texts that steer the model, such as `<|im_end|>`. Throws `ModelProblem` where they are too many or too long to look
 * for, and where one is a character that people write: no prompt would be left as it is.
 */
export function controlTokens({ path, metadata }: Header): string[] {
  const tokens = metadata.get(tokensKey)
  const types = metadata.get(typesKey)
  if (!Array.isArray(tokens)) return []
  const broken = (reason: string) => new ModelProblem(`${path} has a broken vocabulary: ${reason}`)
  const typeOf = Array.isArray(types) ? types : []
  if (types !== undefined && typeOf.length !== tokens.length) {
    throw broken(`${typeOf.length} types (${typesKey}) for ${tokens.length} tokens`)
  }
  const found: string[] = []
  for (const [index, token] of tokens.entries()) {
    if (typeof token !== 'string') throw broken(`${tokensKey} holds numbers`)
    const steers = steeringTypes.includes(Number(typeOf[index]))
    if (token === '' || !(steers || steeringByName.has(token))) continue
    if (token.length > mostTokenLength) {
      throw broken(
        `control token ${index} has ${token.length} characters, expected ${mostTokenLength} at most`,
      )
    }
    if (ordinary.test(token))
      throw broken(`token ${index}, "${token}", is a control token, and a plain character`)
    if (found.length === mostControlTokens) throw broken(`more than ${mostControlTokens} control tokens`)
    found.push(token)
  }
  return found
}
