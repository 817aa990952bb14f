/**
 * Requests under way, for messages on other connections that cancel them. Sessions are not kept: who begins one gets a
 * name for it, which the client sends along, and by which ids of several clients are told apart while they are used.
 */
import type { RequestId } from '@modelcontextprotocol/sdk/types.js'
import { failure } from '../../errors.ts'

/** Whose request, in which session, by which id. Nobody cancels another caller's. */
export type CallName = { caller: string; session: string; id: RequestId }

export type Calls = ReturnType<typeof callsUnderWay>

export function callsUnderWay() {
  const calls = new Map<string, AbortController>()
  const keyOf = ({ caller, session, id }: CallName) => JSON.stringify([caller, session, id])

  return {
    /** Runs `work` under a signal that fires when the request is cancelled. */
    async run(name: CallName, work: (cancelled: AbortSignal) => Promise<void>): Promise<void> {
      const key = keyOf(name)
      const controller = new AbortController()
      calls.set(key, controller)
      try {
        await work(controller.signal)
      } finally {
        // A client that gives two requests one id can cancel the second.
        if (calls.get(key) === controller) calls.delete(key)
      }
    },
    cancel: (name: CallName) => calls.get(keyOf(name))?.abort(failure('client_gone')),
  }
}
