/**
 * The source of a model as it may be told and kept: of an address, what names the file. A user, a password, a signature in
 * the query open it, and are for nobody who may ask which model is served or read the folder.
 */
export function sourceName(source: string): string {
  if (!/^https?:\/\//.test(source) || !URL.canParse(source)) return source
  const { origin, pathname } = new URL(source)
  return origin + pathname
}

/** `hf:owner/repo`, with the quantization or the file that is meant. */
export const huggingFaceSource =
  /^hf:(?<repository>\w[\w.-]*\/\w[\w.-]*)(?:\/(?<file>.+)|:(?<quant>[\w.-]+))?$/

/** How a source of Hugging Face is written, for sentences. */
export const huggingFaceForms = 'hf:owner/repo:QUANT, hf:owner/repo/file.gguf'
