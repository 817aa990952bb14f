/**
 * Questions that the engine did not survive. What it worked on when it ended is remembered by the hash of its pictures
 * and words; after two ends the same question is refused for a day, so that what kills the engine does not do so for
 * everybody, again and again. An end counts as one, shared by all that were under way, and an answer clears a question
 * of all suspicion: of several side by side only one is to blame.
 */
import { createHash } from 'node:crypto'
import type { Settled } from '../engine/conduct.ts'
import { failure } from '../errors.ts'
import type { PreparedQuestion } from './prepared.ts'

export type PoisonMemory = ReturnType<typeof createPoisonMemory>

/** Ends of the engine after which a question is refused. */
const endsLimit = 2
const rememberedMs = 86_400_000
/** Callers may find as many questions that end the engine as they like: the oldest is forgotten first. */
const mostRemembered = 1000

type Suspicion = { ends: number; until: number }

/** `now` in milliseconds since 1970. */
export function createPoisonMemory(now: () => number = Date.now) {
  const suspicions = new Map<string, Suspicion>()
  const underWay = new Set<PreparedQuestion>()

  function suspect(question: PreparedQuestion, share: number): void {
    const mark = markOf(question)
    const ends = (suspicions.get(mark)?.ends ?? 0) + share
    // Put last again: the one that was last seen the longest ago goes first.
    suspicions.delete(mark)
    suspicions.set(mark, { ends, until: now() + rememberedMs })
    const [oldest] = suspicions.keys()
    if (suspicions.size > mostRemembered && oldest !== undefined) suspicions.delete(oldest)
  }

  return {
    /** Throws `poison_request`. Costs nothing as long as the engine has not ended on anything. */
    requireHarmless(question: PreparedQuestion): void {
      if (suspicions.size === 0) return
      const mark = markOf(question)
      const suspicion = suspicions.get(mark)
      if (!suspicion) return
      if (suspicion.until <= now()) suspicions.delete(mark)
      // Shares such as three thirds may add up to a little less.
      else if (suspicion.ends > endsLimit - 1e-6) {
        throw failure('poison_request', { ends: endsLimit, until: new Date(suspicion.until).toISOString() })
      }
    },
    /** The engine has the question from now on. Gives the function to call once the engine is done with it. */
    handOver(question: PreparedQuestion): (settled: Settled) => void {
      underWay.add(question)
      return (settled) => {
        // All that was under way at an end is counted when the first of it settles.
        if (settled === 'engine ended' && underWay.has(question)) {
          for (const one of underWay) suspect(one, 1 / underWay.size)
          underWay.clear()
        }
        underWay.delete(question)
        if (settled === 'answered' && suspicions.size > 0) suspicions.delete(markOf(question))
      }
    },
  }
}

/** Of what the model is shown and asked; how it is to be sampled makes no other question of it. */
function markOf({ messages, json }: PreparedQuestion): string {
  const hash = createHash('sha256')
  const add = (piece: string | Buffer) => hash.update(`${piece.length} `).update(piece)
  for (const { role, parts } of messages) {
    add(role)
    for (const part of parts) {
      if (part.type === 'text') add(part.text)
      else for (const { bytes } of part.images) add(bytes)
    }
  }
  return hash.update(JSON.stringify(json) ?? '').digest('base64')
}
