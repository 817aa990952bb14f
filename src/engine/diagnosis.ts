/**
 * How the engine ended -> what went wrong, in a sentence, and whether starting it again can help. Pure. The texts are
 * llama.cpp v0.5.0's own; what none of them explains is reported with the engine's last lines.
 */

import { printable } from '../printable.ts'

export type EngineEnd = {
  exitCode: number | undefined
  signal: string | undefined
  /** The engine's last lines, oldest first. */
  lines: readonly string[]
}

/** Why a run of the engine is over, or none began, and what has to happen before the next. */
export type AttemptEnd = {
  sentence: string
  retry: /** It ended at a request: at once, and as often as it takes. */
    | 'soon'
    /** Later each time. */
    | 'backoff'
    /** As rarely as the back-off ever gets: want of memory does not pass quickly. */
    | 'slowly'
    /** A few times, since nobody knows the reason; then it counts as that of the files. */
    | 'perhaps'
    /** It stays so until somebody changes a file or a setting. */
    | 'when files change'
}

type Known = { pattern: RegExp; sentence: (match: RegExpExecArray) => string; retry?: AttemptEnd['retry'] }

const outOfMemory =
  'The engine ran out of memory. Give it more, take a smaller model or quantization, or lower CONTEXT_SIZE, SLOTS or PROMPT_CACHE_MIB'

const knownLines: Known[] = [
  {
    pattern: /unknown model architecture: '([^']*)'/,
    sentence: ([, name]) => `The engine does not know models of the architecture ${name}`,
  },
  {
    pattern: /data is not within the file bounds, model is corrupted or incomplete/,
    sentence: () => 'The model file is cut off or corrupt; fetch it again',
  },
  {
    pattern: /invalid magic characters/,
    sentence: () => 'The model file is not a GGUF file',
  },
  {
    pattern: /failed to open GGUF file '([^']*)/,
    sentence: ([, path]) => `The engine could not open ${path}; check that it exists and is readable`,
  },
  {
    pattern: /CLIP cannot be used as main model/,
    sentence: () => 'MODEL_NAME names a vision projector (mmproj); set it to the text model',
  },
  {
    pattern: /mismatch between text model \(n_embd = (\d+)\) and mmproj \(n_embd = (\d+)\)/,
    sentence: ([, model, projector]) =>
      `The vision projector belongs to another model: it writes ${projector} numbers a token where the model reads ${model}. Set MMPROJ_NAME to the right one`,
  },
  {
    pattern: /unknown projector type: (\S*)/,
    sentence: ([, name]) =>
      `The engine does not know vision projectors of the type ${name || 'in this file'}`,
  },
  {
    pattern:
      /unable to allocate|insufficient memory \(attempted to allocate|failed to allocate (?:compute|buffer)|mmap failed: Cannot allocate memory|std::bad_alloc/,
    sentence: () => outOfMemory,
    retry: 'backoff',
  },
  {
    pattern: /clip_init: failed to load model '.*': (?:\w+: )?(.+)/,
    sentence: ([, reason]) =>
      `The vision projector (mmproj) could not be loaded: ${reason && told(reason)}. Fetch it again or set MMPROJ_NAME to another`,
  },
  {
    pattern: /[Ff]ailed to load CLIP model/,
    sentence: () =>
      'The vision projector (mmproj) could not be loaded; fetch it again or set MMPROJ_NAME to another',
  },
  {
    pattern: /couldn't bind HTTP server socket/,
    sentence: () => "The engine could not open its socket in the service's temporary folder",
    retry: 'backoff',
  },
  {
    pattern: /no CPU backend found/,
    sentence: () => 'The engine found no code for this CPU beside its program; install it again, whole',
  },
  {
    pattern: /(?:error: invalid argument: |error while handling argument )(\S+)/,
    sentence: ([, argument]) =>
      `The engine does not understand the setting ${argument}; it is another version than expected`,
  },
  {
    pattern: /GGML_ASSERT\(.*/,
    sentence: ([check]) => `The engine stopped at a check of its own: ${check}`,
    retry: 'perhaps',
  },
]

const knownWarnings: Pick<Known, 'pattern' | 'sentence'>[] = [
  {
    pattern: /embeddings of absent tiles are not zero/,
    sentence: () =>
      'The model file gives tiles that a picture does not have embeddings other than zero: small pictures take up to 2.6 times as long',
  },
]

/** What a line of an engine that runs says to a person who looks after the service; undefined for almost all. */
export function warningIn(line: string): string | undefined {
  for (const { pattern, sentence } of knownWarnings) {
    const match = pattern.exec(line)
    if (match) return sentence(match)
  }
  return undefined
}

const knownSignals: Record<string, AttemptEnd> = {
  SIGKILL: {
    sentence:
      'The engine was killed, as a rule by the system for want of memory. Give it more or take a smaller model',
    retry: 'backoff',
  },
  SIGILL: {
    sentence:
      'The engine was built for another CPU than this one; build it here, or use the container image, which fits any',
    retry: 'when files change',
  },
  SIGBUS: { sentence: 'The model file shrank while the engine used it; fetch it again', retry: 'perhaps' },
}

/** Somebody ended it on purpose, or the machine goes down. */
const endedFromOutside = ['SIGTERM', 'SIGINT', 'SIGHUP']

/** Of a sentence or a line. What the engine says repeats names that are written in the model's file. */
const mostCharacters = 400

/** The table is in order of precision: the engine reports a general failure after the particular one. */
export function diagnose(end: EngineEnd): AttemptEnd {
  const bySignal = end.signal && knownSignals[end.signal]
  if (bySignal) return bySignal
  for (const { pattern, sentence, retry } of knownLines) {
    for (const line of end.lines) {
      const match = pattern.exec(line)
      if (match)
        return { sentence: printable(sentence(match), mostCharacters), retry: retry ?? 'when files change' }
    }
  }
  const how = end.signal ? `signal ${end.signal}` : `exit code ${end.exitCode ?? 'unknown'}`
  const words = tellingWords(end.lines)
  const neverBegan = end.signal === undefined && end.exitCode === undefined
  const fromOutside = neverBegan || endedFromOutside.includes(end.signal ?? '')
  return {
    sentence: `The engine ended with ${how}${words && `; ${words}`}`,
    retry: fromOutside ? 'backoff' : 'perhaps',
  }
}

/** What it said first of an error, as all else follows from that; otherwise its last words. */
function tellingWords(lines: readonly string[]): string {
  const said = lines.filter((line) => line.trim())
  const first = said.find((line) => /\berror\b|\bfailed\b|\binvalid\b|terminate called/i.test(line))
  if (first) return `it said: ${told(first)}`
  return said.length > 0 ? `its last words: ${said.slice(-3).map(told).join(' | ')}` : ''
}

const told = (line: string): string => printable(line, mostCharacters)
