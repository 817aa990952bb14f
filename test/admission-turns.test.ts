/** Callers take turns in the waiting room, whatever each of them sends. */
import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import t from 'tap'
import { type Admission, createAdmission, type Ticket } from '../src/admission.ts'

/** Enters and waits at once; `begun` hears of it when the slot is given, with what was told until then. */
function ask(
  admission: Admission,
  caller: string,
  begun: (ahead: number[]) => void,
  { signal } = new AbortController(),
): Ticket {
  const ticket = admission.enter(caller)
  const heard: number[] = []
  ticket
    .slot(signal, ({ ahead }) => heard.push(ahead))
    .then(
      () => begun(heard),
      () => ticket.leave(),
    )
  return ticket
}

t.test('callers take turns, each one with its own in order', async (t) => {
  const admission = createAdmission({ slots: 1, waiting: 9, waitSeconds: 60 })
  const order: string[] = []
  const heard = new Map<string, number[]>()
  const working: Ticket[] = []
  for (const [number, caller] of [...'aaaaabcb'].entries()) {
    const name = `${caller}${number}`
    const ticket = ask(admission, caller, (ahead) => {
      order.push(name)
      heard.set(name, ahead)
      working.push(ticket)
    })
  }
  await sleep(0)
  for (let ticket = working.shift(); ticket; ticket = working.shift()) {
    ticket.leave()
    await sleep(0)
  }
  t.same(order, ['a0', 'a1', 'b5', 'c6', 'a2', 'b7', 'a3', 'a4'])
  t.same(heard.get('b5'), [2, 1], 'what it is told is what happens')
  t.same(heard.get('a4'), [4, 5, 6, 7, 6, 5, 4, 3, 2, 1], 'and that others came in between')
  t.equal(admission.inside, 0)
})

t.test('who comes late, again and again, does not overtake those who wait', async (t) => {
  const admission = createAdmission({ slots: 1, waiting: 9, waitSeconds: 60 })
  const order: string[] = []
  let holder: Ticket | undefined
  const over = new AbortController()
  const come = (caller: string) => {
    const begun = () => {
      order.push(caller)
      holder = ticket
    }
    const ticket = ask(admission, caller, begun, over)
  }
  for (const caller of 'aaa') come(caller)
  await sleep(0)
  for (const caller of 'bcde') {
    come(caller)
    holder?.leave()
    await sleep(0)
  }
  t.same(order, ['a', 'a', 'b', 'a', 'c'])
  // Those who still wait would keep the process for the minute that they may.
  over.abort()
})

t.test('who still prepares its pictures keeps its turn and holds up nobody', async (t) => {
  const admission = createAdmission({ slots: 1, waiting: 9, waitSeconds: 60 })
  const holder = admission.enter('a')
  await holder.slot(new AbortController().signal)
  const slow = admission.enter('b')
  const begun: string[] = []
  const quick = ask(admission, 'c', () => begun.push('c'))
  const last = ask(admission, 'd', () => begun.push('d'))
  t.equal(slow.wait.ahead, 1)
  t.equal(quick.wait.ahead, 2)
  holder.leave()
  await sleep(0)
  t.same(begun, ['c'])
  const late = slow.slot(new AbortController().signal).then(() => begun.push('b'))
  quick.leave()
  await late
  t.same(begun, ['c', 'b'])
  slow.leave()
  await sleep(0)
  last.leave()
  t.equal(admission.inside, 0)
})

t.test('who fills the room does not lock out others, and nobody gets in without bound', (t) => {
  const admission = createAdmission({ slots: 1, waiting: 8, waitSeconds: 60 })
  const enter = (caller: string, times: number): number => {
    for (let count = 0; count < times; count += 1) {
      try {
        admission.enter(caller)
      } catch {
        return count
      }
    }
    return times
  }
  t.equal(enter('greedy', 100), 9, 'all there is, while nobody else wants it')
  t.throws(() => admission.enter('greedy'), {
    code: 'queue_full',
    facts: { limit: 8, actual: 8 },
    retryAfterSeconds: 45,
  })
  t.equal(enter('polite', 100), 4, 'an equal share')
  t.equal(enter('third', 100), 3)
  t.equal(enter('fourth', 100), 1, 'until as many again wait')
  t.throws(() => admission.enter('fifth'), { code: 'queue_full', facts: { actual: 16 } })
  t.equal(enter('greedy', 1), 0)
  const none = createAdmission({ slots: 1, waiting: 0, waitSeconds: 60 })
  none.enter('a')
  t.throws(() => none.enter('b'), { code: 'queue_full' }, 'without a room there is none for anybody')
  t.end()
})

t.test('when to come back is told by the turns of who asks', (t) => {
  const admission = createAdmission({ slots: 1, waiting: 8, waitSeconds: 60 })
  for (let count = 0; count < 9; count += 1) admission.enter('a')
  // The first guess is 5 s a request.
  t.equal(admission.retryAfterSeconds('a'), 45)
  t.equal(admission.waitSeconds('a'), 45)
  t.equal(admission.waitSeconds('b'), 5, 'after one of them')
  t.end()
})

const crowd = fc.record({
  slots: fc.integer({ min: 1, max: 3 }),
  waiting: fc.nat(8),
  events: fc.array(fc.tuple(fc.constantFrom('enter', 'leave'), fc.nat(3), fc.nat(20)), { maxLength: 80 }),
})

t.test('whatever comes, nobody starts more often before a request than it has to wait for its own', () =>
  fc.assert(
    fc.asyncProperty(crowd, async ({ slots, waiting, events }) => {
      const admission = createAdmission({ slots, waiting, waitSeconds: 60 })
      const starts: { caller: number; own: number; since: number }[] = []
      const working: Ticket[] = []
      const lines = new Map<number, number[]>()
      const over = new AbortController()
      setMaxListeners(0, over.signal)
      let overtaken = false
      for (const [number, [event, caller, pick]] of events.entries()) {
        if (event === 'enter') {
          const line = lines.get(caller) ?? []
          const entered = { caller, own: line.length, since: starts.length }
          try {
            const begun = () => {
              if (line.shift() !== number) overtaken = true
              starts.push(entered)
              working.push(ticket)
            }
            const ticket = ask(admission, String(caller), begun, over)
            line.push(number)
            lines.set(caller, line)
          } catch {}
        } else if (working.length > 0) {
          working.splice(pick % working.length, 1)[0]?.leave()
        }
        await sleep(0)
        if (admission.inside > slots + 2 * waiting) throw new Error('too many are inside')
      }
      over.abort()
      if (overtaken) throw new Error('one of a caller overtook its own')
      for (const [index, { caller, own, since }] of starts.entries()) {
        for (const other of [0, 1, 2, 3].filter((one) => one !== caller)) {
          const before = starts.slice(since, index).filter((start) => start.caller === other).length
          // One of the round that was under way, one in each of its own rounds.
          if (before > own + 2) throw new Error(`${before} of another came before one with ${own} in front`)
        }
      }
    }),
    { numRuns: 200 },
  ),
)
