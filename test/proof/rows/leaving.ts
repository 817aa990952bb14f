/** Two hundred clients leave without their answers, each in one of six ways. */
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { infer } from '../../support/service.ts'
import { descriptorsOf, ownMebibytes } from '../processes.ts'
import { longRequest } from '../questions.ts'
import { atMost, type Figure, holds, judged } from '../row.ts'
import { inside, timeUntil, withService } from '../service.ts'

export const name = '200 clients leave in six ways'
export const must = 'slot free in 250 ms, descriptors and memory back'

const clients = 200
const freeLimitMs = 10_000

/** Speaks on a connection of its own, and is gone when it resolves. */
type Leave = (socket: Socket, question: object) => Promise<void>

const ways: Record<string, Leave> = {
  'half a body': async (socket, question) => {
    const bytes = post(question)
    socket.write(bytes.subarray(0, bytes.length / 2))
    await sleep(100)
    socket.destroy()
  },
  'at once': async (socket, question) => {
    await new Promise((resolve) => socket.write(post(question), resolve))
    socket.destroy()
  },
  reset: async (socket, question) => {
    socket.write(post(question))
    await sleep(300)
    socket.resetAndDestroy()
  },
  'in mid-answer': async (socket, question) => {
    socket.write(post({ ...question, stream: true }))
    // The first bytes of an answer, or a while in the line.
    await Promise.race([new Promise((resolve) => socket.once('data', resolve)), sleep(1000)])
    socket.destroy()
  },
  'without reading': async (socket, question) => {
    socket.pause()
    socket.write(post({ ...question, stream: true }))
    await sleep(500)
    socket.resetAndDestroy()
  },
  pipelined: async (socket, question) => {
    const bytes = post(question)
    socket.write(Buffer.concat(Array.from({ length: 6 }, () => bytes)))
    await sleep(300)
    socket.resetAndDestroy()
  },
}

export const run = () =>
  withService({ SLOTS: '2', QUEUE_SIZE: '300' }, async ({ url, process: { pid = 0 } }) => {
    const question = await longRequest()
    // What is allocated once is there from here on.
    await infer(url, { ...question, json_schema: undefined })
    for (const way of Object.keys(ways)) await leaveAll(url, question, way, clients / 4)
    await timeUntil(async () => (await inside(url)) === 0, freeLimitMs)
    const before = { descriptors: descriptorsOf(pid), memory: ownMebibytes(pid) }
    const figures: Figure[] = []
    const names = Object.keys(ways)
    for (const [index, way] of names.entries()) {
      // 200 by six, with the rest among the first.
      const some = Math.floor(clients / names.length) + (index < clients % names.length ? 1 : 0)
      await leaveAll(url, question, way, some)
      const freeMs = await timeUntil(async () => (await inside(url)) === 0, freeLimitMs, 5)
      figures.push(
        freeMs === undefined
          ? holds(way, false, `not free after ${freeLimitMs / 1000} s`)
          : atMost(way, freeMs, 250, ' ms'),
      )
    }
    await timeUntil(() => descriptorsOf(pid) <= before.descriptors, 5000)
    const { status } = await infer(url, { ...question, json_schema: undefined })
    return judged([
      ...figures,
      atMost('descriptors more', descriptorsOf(pid) - before.descriptors, 2),
      atMost('memory more', ownMebibytes(pid) - before.memory, 20, ' MB'),
      holds('the next is answered:', status === 200, String(status)),
    ])
  })

async function leaveAll(url: string, question: object, way: string, count: number): Promise<void> {
  const { hostname, port } = new URL(url)
  const leave = ways[way]
  if (!leave) throw new Error(`no way ${way}`)
  await Promise.all(
    Array.from({ length: count }, async () => {
      const socket = connect(Number(port), hostname)
      // A service may hang up first: that is leaving, too.
      socket.on('error', () => {})
      await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve))
      await leave(socket, question)
    }),
  )
}

function post(body: object): Buffer {
  const bytes = Buffer.from(JSON.stringify(body))
  const head = `POST /infer HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${bytes.length}\r\n\r\n`
  return Buffer.concat([Buffer.from(head), bytes])
}
