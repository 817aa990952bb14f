import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import t from 'tap'
import { type AdmissionLimits, createAdmission, type Ticket } from '../src/admission.ts'

const never = new AbortController().signal

t.test('slots are given in order of arrival and go back on leaving', async (t) => {
  const admission = createAdmission({ slots: 1, waiting: 2, waitSeconds: 5 })
  const first = admission.enter('a')
  await first.slot(never)
  const order: string[] = []
  const second = admission.enter('a')
  const third = admission.enter('a')
  const waiting = [
    second.slot(never).then(() => order.push('second')),
    third.slot(never).then(() => order.push('third')),
  ]
  await sleep(5)
  t.strictSame(order, [])
  first.leave()
  await waiting[0]
  t.strictSame(order, ['second'])
  second.leave()
  second.leave()
  await waiting[1]
  t.equal(admission.inside, 1)
  third.leave()
  t.equal(admission.inside, 0)
})

t.test('a full room refuses at once, with when to come back', (t) => {
  const admission = createAdmission({ slots: 2, waiting: 1, waitSeconds: 5 })
  for (let count = 0; count < 3; count += 1) admission.enter('a')
  t.throws(() => admission.enter('a'), {
    code: 'queue_full',
    status: 429,
    facts: { limit: 1, actual: 1 },
    retryAfterSeconds: 5,
  })
  t.equal(admission.inside, 3)
  t.end()
})

t.test('when to come back follows what requests took', async (t) => {
  const admission = createAdmission({ slots: 1, waiting: 5, waitSeconds: 5 })
  const first = admission.enter('a')
  await first.slot(never)
  await sleep(100)
  first.leave()
  const seconds = admission.retryAfterSeconds('a')
  t.ok(seconds >= 0.09 && seconds < 5, `${seconds} s after one of 0.1 s, and not the first guess`)
  admission.enter('a')
  admission.enter('a')
  t.ok(admission.retryAfterSeconds('a') >= 1.9 * seconds, 'two ahead take twice as long')
})

/** An admission that has learnt how long requests take: hardly any time. */
async function experienced(limits: AdmissionLimits) {
  const admission = createAdmission(limits)
  const first = admission.enter('a')
  await first.slot(never)
  first.leave()
  return admission
}

t.test('who would wait for too long is refused at once, with when to come back', async (t) => {
  const admission = await experienced({ slots: 1, waiting: 9, waitSeconds: 100 })
  const holder = admission.enter('a')
  holder.expect(90)
  await holder.slot(never)
  const second = admission.enter('b')
  t.equal(Math.round(second.wait.seconds ?? 0), 90)
  second.expect(40)
  t.throws(() => admission.enter('c'), {
    code: 'queue_timeout',
    status: 429,
    facts: { limit: 100, actual: 130 },
    retryAfterSeconds: 30,
  })
  t.throws(() => admission.requireRoom('c'), { code: 'queue_timeout' })
  const waiting = second.slot(never)
  holder.leave()
  await waiting
  t.equal(Math.round(admission.enter('c').wait.seconds ?? 0), 40, 'and is let in once it is less')
})

t.test('who is inside is not sent away, however long it takes', async (t) => {
  const admission = await experienced({ slots: 1, waiting: 9, waitSeconds: 0.01 })
  const holder = admission.enter('a')
  holder.expect(0)
  await holder.slot(never)
  const late = admission.enter('a')
  const waiting = late.slot(never)
  await sleep(50)
  holder.leave()
  await waiting
  t.equal(admission.inside, 1)
})

t.test('nobody is sent away by a guess', async (t) => {
  const admission = createAdmission({ slots: 1, waiting: 99, waitSeconds: 5 })
  await admission.enter('a').slot(never)
  for (let count = 0; count < 20; count += 1) t.strictSame(admission.enter('a').wait.seconds, null)
})

t.test('who waits hears the seconds to expect, as those in front turn out to be', async (t) => {
  const admission = await experienced({ slots: 2, waiting: 9, waitSeconds: 1000 })
  const holders = [60, 100].map((seconds) => {
    const ticket = admission.enter('a')
    ticket.expect(seconds)
    return ticket
  })
  for (const holder of holders) await holder.slot(never)
  const second = admission.enter('a')
  const third = admission.enter('a')
  const heard: number[] = []
  const waiting = third.slot(never, ({ seconds }) => heard.push(Math.round(seconds ?? Number.NaN)))
  second.expect(20)
  second.expect(70)
  const begun = second.slot(never)
  t.same(heard, [60, 80, 100])
  holders[0]?.leave()
  await begun
  t.equal(heard.at(-1), 70, 'the other slot keeps on for longer')
  second.leave()
  await waiting
  t.equal(admission.enter('a').wait.seconds, 0, 'no more than it is known to take')
})

t.test('who takes longer than was expected is thought to take somewhat longer yet', async (t) => {
  const admission = await experienced({ slots: 1, waiting: 9, waitSeconds: 1000 })
  const holder = admission.enter('a')
  holder.expect(0.01)
  await holder.slot(never)
  await sleep(200)
  const { seconds } = admission.enter('a').wait
  t.ok((seconds ?? 0) >= 0.02, 'a tenth of what it took')
})

t.test('an abort leaves the queue and takes no slot', async (t) => {
  const admission = createAdmission({ slots: 1, waiting: 2, waitSeconds: 5 })
  const holder = admission.enter('a')
  await holder.slot(never)
  const gone = new AbortController()
  const leaver = admission.enter('a')
  const waiting = leaver.slot(gone.signal)
  gone.abort(new Error('client gone'))
  await t.rejects(waiting, { message: 'client gone' })
  leaver.leave()
  const aborted = admission.enter('a')
  await t.rejects(aborted.slot(gone.signal), { message: 'client gone' })
  aborted.leave()
  const next = admission.enter('a')
  holder.leave()
  await next.slot(never)
  t.equal(admission.inside, 1)
})

t.test('an abort after the slot was given does not free it', async (t) => {
  const admission = createAdmission({ slots: 1, waiting: 1, waitSeconds: 5 })
  const caller = new AbortController()
  const holder = admission.enter('a')
  await holder.slot(caller.signal)
  caller.abort()
  const next = admission.enter('a')
  let begun = false
  const waiting = next.slot(never).then(() => {
    begun = true
  })
  await sleep(20)
  t.equal(begun, false)
  holder.leave()
  await waiting
})

t.test('idle waits for all to leave, or until it is told not to', async (t) => {
  const admission = createAdmission({ slots: 1, waiting: 1, waitSeconds: 5 })
  const patience = new AbortController()
  await admission.idle(patience.signal)
  const ticket = admission.enter('a')
  const hurried = admission.idle(patience.signal)
  patience.abort()
  await hurried
  await admission.idle(patience.signal)
  t.equal(admission.inside, 1)
  let idle = false
  const waiting = admission.idle(new AbortController().signal).then(() => {
    idle = true
  })
  await sleep(5)
  t.equal(idle, false)
  ticket.leave()
  await waiting
  t.equal(idle, true)
})

t.test('who waits hears how many are still ahead, as the line moves', async (t) => {
  const admission = createAdmission({ slots: 1, waiting: 3, waitSeconds: 5 })
  const tickets = Array.from({ length: 4 }, () => admission.enter('a'))
  t.same(
    tickets.map(({ wait }) => wait.ahead),
    [0, 1, 2, 3],
  )
  const [first, second, third, fourth] = tickets as [Ticket, Ticket, Ticket, Ticket]
  const heard: number[][] = [[], [], [], []]
  const callers = tickets.map(() => new AbortController())
  const slots = tickets.map((ticket, index) =>
    ticket.slot(callers[index]?.signal ?? AbortSignal.abort(), ({ ahead }) => heard[index]?.push(ahead)),
  )
  await slots[0]
  callers[2]?.abort(new Error('gone'))
  await t.rejects(slots[2] ?? Promise.resolve(), /gone/)
  third.leave()
  first.leave()
  await slots[1]
  second.leave()
  await slots[3]
  fourth.leave()
  t.same(heard, [[], [1], [2], [3, 2, 1]])
})

t.test('whatever the order of events, no slot is given twice or lost, and the line keeps its order', () =>
  fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 3 }),
      fc.array(fc.tuple(fc.constantFrom('enter', 'abort', 'leave'), fc.nat(20)), { maxLength: 40 }),
      async (slots, events) => {
        const admission = createAdmission({ slots, waiting: 5, waitSeconds: 60 })
        const callers: { ticket: Ticket; gone: AbortController; state: string }[] = []
        const begun: number[] = []
        for (const [event, pick] of events) {
          if (event === 'enter') {
            if (admission.inside >= slots + 5) continue
            const caller = { ticket: admission.enter('a'), gone: new AbortController(), state: 'waits' }
            const number = callers.push(caller)
            caller.ticket.slot(caller.gone.signal).then(
              () => {
                caller.state = 'works'
                begun.push(number)
              },
              () => {
                caller.state = 'gone'
                caller.ticket.leave()
              },
            )
          } else {
            const caller = callers[pick % Math.max(1, callers.length)]
            if (event === 'abort') caller?.gone.abort(new Error('gone'))
            else if (caller?.state === 'works') {
              caller.state = 'done'
              caller.ticket.leave()
            }
          }
          await sleep(0)
          const working = callers.filter(({ state }) => state === 'works').length
          const waiting = callers.filter(({ state }) => state === 'waits').length
          if (working > slots) throw new Error(`${working} have a slot`)
          if (waiting > 0 && working < slots) throw new Error('a slot is free and somebody waits')
          if (admission.inside !== working + waiting) throw new Error('who is gone is still counted')
        }
        for (const { ticket, gone } of callers) {
          gone.abort(new Error('over'))
          ticket.leave()
        }
        if (begun.some((number, index) => number < (begun[index - 1] ?? 0))) throw new Error('overtaken')
      },
    ),
    { numRuns: 100 },
  ),
)
