/** What ends a request early. */
import { Socket } from 'node:net'
import type { FastifyReply } from 'fastify'
import t from 'tap'
import { limited } from '../../src/http/limit.ts'

const limits = { seconds: 60, shutdown: new AbortController().signal }

/** As much of a reply as is looked at. */
const replyOn = (socket: Socket) =>
  ({ raw: { writableFinished: false }, request: { raw: { socket } } }) as unknown as FastifyReply

t.test('a client that left before the work begins is not worked for', async (t) => {
  const signal = await limited(replyOn(new Socket().destroy()), limits, async (signal) => signal)
  t.match(signal, { aborted: true, reason: { code: 'client_gone' } })
})

t.test('the end of the connection ends the work, and nothing listens for it afterwards', async (t) => {
  const socket = new Socket()
  const signal = await limited(replyOn(socket), limits, async (signal) => {
    t.notOk(signal.aborted)
    socket.emit('close')
    return signal
  })
  t.match(signal, { aborted: true, reason: { code: 'client_gone' } })
  t.equal(socket.listenerCount('close'), 0)
})
