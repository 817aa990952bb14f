/**
 * The worst pictures, eight at a time and answered for real, in containers with little memory: the kernel may end
 * decoders, and nothing else.
 */
import { bombs } from '../../support/bombs/named.ts'
import { untilHealthy } from '../../support/service.ts'
import { type MemoryCgroup, withMemory } from '../cgroup.ts'
import { inTurns, nothingSeen, send, told } from '../pictures.ts'
import { engineOf } from '../processes.ts'
import { asked, knownQuestions } from '../questions.ts'
import { atMost, between, type Figure, holds, judged } from '../row.ts'
import { withStarting } from '../service.ts'

export const name = '512 MiB, 1 and 2 GiB, with the worst pictures'
export const must = 'nothing is killed but decoders, 0 untyped errors, known answers afterwards'

const sizesMib = [512, 1024, 2048]
const clients = 8
/** Of each kind there are several sizes. */
const every = 3

export async function run() {
  const figures: Figure[] = []
  const pictures = await worstPictures()
  for (const sizeMib of sizesMib)
    figures.push(...(await withMemory(sizeMib, (cgroup) => figuresIn(sizeMib, cgroup, pictures))))
  return judged(figures)
}

type Named = { name: string; bytes: Buffer }

async function worstPictures(): Promise<Named[]> {
  const made: Named[] = []
  for (const { name, make } of bombs.filter((_, index) => index % every === 0))
    made.push({ name, bytes: await make() })
  return made
}

const figuresIn = (sizeMib: number, cgroup: MemoryCgroup, pictures: Named[]): Promise<Figure[]> =>
  withStarting(
    { QUEUE_SIZE: '32' },
    async ({ url, process: gateway }) => {
      await untilHealthy(url)
      const known = await knownQuestions(url, 2)
      const engine = engineOf(gateway.pid)
      const seen = nothingSeen()
      await inTurns(clients, pictures.length, async (place) => {
        const picture = pictures[place]
        if (picture) await send(`${url}/infer`, picture.name, picture.bytes, seen)
      })
      const right = (await Promise.all(known.map((one) => asked(url, one, 60_000)))).filter(
        (verdict) => verdict === 'right',
      )
      const of = (what: string) => `${sizeMib} MiB: ${what}`
      return [
        holds(of('the same gateway and engine'), engine !== undefined && engineOf(gateway.pid) === engine),
        between(of('known answers afterwards'), right.length, known.length, known.length),
        holds(of('untyped'), seen.untyped.length === 0, told(seen.untyped)),
        holds(of('hung'), seen.hung.length === 0, told(seen.hung)),
        holds(of('answered without a picture'), seen.withoutPicture.length === 0, told(seen.withoutPicture)),
        atMost(of('decoders killed by the kernel'), cgroup.killed(), Number.POSITIVE_INFINITY),
        atMost(of('peak'), cgroup.peakMib(), sizeMib, ' MiB'),
        holds(of('answers'), true, [...seen.codes].map(([code, count]) => `${code} ${count}`).join(' ')),
      ]
    },
    { cgroup: cgroup.folder },
  )
