/** Two hundred come at once to a service whose waiting room is full. */
import { connect, type Socket } from 'node:net'
import { fakeEngineConfig } from '../../support/fake-engine.ts'
import { png } from '../../support/images.ts'
import { requestText } from '../../support/raw-http.ts'
import { infer } from '../../support/service.ts'
import { heardIn } from '../raw-answers.ts'
import { atMost, between, holds, judged, none, percentile } from '../row.ts'
import { inside, timeUntil, withFolder, withService } from '../service.ts'

export const name = 'queue full, 200 at once'
export const must = '429 in < 50 ms p99, Retry-After right within 30 %, order kept'

const crowd = 200
const waiting = 4
const largePicture = 'A'.repeat(4 * 1024 ** 2)

type Refused = { status: number; code: string; ms: number; retryAfter: number; at: number }

/** The fake engine takes four seconds over each: long enough to tell whether a number of seconds is right. */
export const run = () =>
  withFolder((folder) => {
    const { MODEL_PATH, MODEL_NAME, ENGINE_PATH } = fakeEngineConfig(folder)
    const env = { MODEL_PATH, MODEL_NAME, ENGINE_PATH, SLOTS: '1', QUEUE_SIZE: String(waiting) }
    return withService(env, async ({ url }) => {
      const image = (await png()).toString('base64')
      const slow = { prompt: 'fault:slow', image }
      // What one takes is learnt from one.
      await infer(url, slow)
      const answered: number[] = []
      const admitted: Promise<unknown>[] = []
      for (let place = 0; place <= waiting; place += 1) {
        admitted.push(infer(url, slow).then(({ status }) => answered.push(status === 200 ? place : -1)))
        await timeUntil(async () => (await inside(url)) === place + 1, 3000, 5)
      }
      // The first of a new process are compiled as they are answered: a busy service is told from a new one.
      const first = await crowds(url, slow, crowd, 1)
      await crowds(url, slow, crowd, 9)
      const busy = await crowds(url, slow, crowd, 5)
      const large = await crowds(url, { ...slow, image: largePicture }, 20, 5)
      const refused = busy.flat()
      await Promise.all(admitted)
      const freeAt = performance.now()
      const told = refused.map(({ retryAfter, at }) => (retryAfter * 1000) / (freeAt - at))
      const places = Array.from({ length: waiting + 1 }, (_, place) => place)
      const p99s = (some: Refused[][]) =>
        some.map((one) => {
          const times = one.map(({ ms }) => ms)
          return percentile(times, 99)
        })
      return judged([
        none(
          'not refused as documented',
          [...first, ...busy, ...large]
            .flat()
            .filter(({ status, code }) => status !== 429 || code !== 'queue_full').length,
        ),
        // The middle one of five crowds: a moment of the machine's own is in one of them.
        atMost('429 p99', percentile(p99s(busy), 50), 50, ' ms'),
        // Told, not judged: a process has a first crowd once.
        atMost('of the first 200', percentile(p99s(first), 50), Number.POSITIVE_INFINITY, ' ms'),
        atMost('of 20 with 4 MiB', percentile(p99s(large), 50), 50, ' ms'),
        between('Retry-After told of real: least', Math.min(...told), 0.7, 1.3),
        between('most', Math.max(...told), 0.7, 1.3),
        holds('order kept', answered.join() === places.join(), answered.join(' ')),
      ])
    })
  })

/** One crowd after another. */
async function crowds(url: string, body: object, count: number, times: number): Promise<Refused[][]> {
  const refused: Refused[][] = []
  for (let time = 0; time < times; time += 1) refused.push(await refusals(url, body, count))
  return refused
}

/**
 * Each on a connection of its own, which was made before, as of clients that know nothing of each other. From the first
 * byte of the question to the first of the answer. As bytes: a client of Node's own would take more time for its two
 * hundred questions than anybody for the answers.
 */
async function refusals(url: string, body: object, count: number): Promise<Refused[]> {
  const port = Number(new URL(url).port)
  const sockets = await Promise.all(Array.from({ length: count }, () => connected(port)))
  const bytes = Buffer.from(requestText('/infer', JSON.stringify(body)))
  return Promise.all(sockets.map((socket) => refusal(socket, bytes)))
}

const connected = (port: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => resolve(socket)).on('error', reject)
  })

function refusal(socket: Socket, question: Buffer): Promise<Refused> {
  return new Promise((resolve, reject) => {
    const began = performance.now()
    let at = 0
    const bytes: Buffer[] = []
    socket.on('error', reject).on('data', (piece: Buffer) => {
      at ||= performance.now()
      bytes.push(piece)
      const [answer] = heardIn(Buffer.concat(bytes), false, false).answers
      if (!answer) return
      socket.destroy()
      const { details } = JSON.parse(answer.body) as { details?: { code?: string } }
      const retryAfter = Number(answer.headers.get('retry-after'))
      resolve({ status: answer.status, code: details?.code ?? '', ms: at - began, retryAfter, at })
    })
    socket.write(question)
  })
}
