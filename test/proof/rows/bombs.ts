/**
 * Pictures that ask for much, and ordinary ones with bytes changed. The service only says what it would do with them, so
 * that the engine's time is not counted, and is asked about known pictures in between.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp, { type Sharp } from 'sharp'
import { mutated, seeded } from '../../fuzz/mutate.ts'
import { transparent } from '../../support/bmp.ts'
import { bombs } from '../../support/bombs/named.ts'
import { decodersDuring } from '../../support/children.ts'
import { heic, pdf } from '../../support/images.ts'
import { codestreams, jp2 } from '../../support/jpeg2000.ts'
import { type Held, loopDelayInto, loopDelays } from '../../support/loop-delay.ts'
import { inTurns, nothingSeen, type Seen, send, told } from '../pictures.ts'
import { engineOf } from '../processes.ts'
import { asked, knownQuestions } from '../questions.ts'
import { atMost, between, holds, judged, none } from '../row.ts'
import { timeUntil, withFolder, withService } from '../service.ts'

export const name = `${bombs.length} pictures that ask for much, 10,000 that are broken`
export const must =
  '0 crashes, 0 untyped errors, no answer without a picture, decoders < 512 MiB, gateway < 300 MiB, event loop < 50 ms'

/** Fewer for a quick look: BROKEN_PICTURES=500. */
const broken = Number(process.env.BROKEN_PICTURES ?? 10_000)
/** Those that need a process take a hundred times as long. */
const inDecoder = 0.1
const clients = 4

export const run = () =>
  withFolder((folder) => {
    const loopFile = join(folder, 'loop')
    const preload = loopDelayInto(loopFile)
    return withService(
      { QUEUE_SIZE: '32' },
      async ({ url, process: gateway }) => {
        const pid = gateway.pid ?? 0
        const known = await knownQuestions(url, 4)
        const engine = engineOf(pid)
        const seconds = loopDelays(loopFile).length
        // The second in which it started is not over before it is written down.
        await timeUntil(() => loopDelays(loopFile).length > seconds, 5000)
        const seen = nothingSeen()
        const decoders = await decodersDuring(sendAll(url, seen), pid)
        const held = loopDelays(loopFile).slice(seconds + 1)
        const longest = (what: keyof Held) => Math.max(...held.map((one) => one[what]))
        const peak = peakMib(pid)
        const right = (await Promise.all(known.map((one) => asked(url, one, 60_000)))).filter(
          (verdict) => verdict === 'right',
        )
        return judged([
          holds('the same gateway and engine', engine !== undefined && engineOf(pid) === engine),
          between('known answers afterwards', right.length, known.length, known.length),
          holds('untyped', seen.untyped.length === 0, told(seen.untyped)),
          holds('hung', seen.hung.length === 0, told(seen.hung)),
          holds('answered without a picture', seen.withoutPicture.length === 0, told(seen.withoutPicture)),
          atMost('largest decoder', decoders.peakMib, 512, ' MiB'),
          atMost('at once', decoders.most, 2),
          atMost('gateway', peak, 300, ' MiB'),
          atMost('event loop held up by itself', longest('byItself'), 50, ' ms'),
          atMost('with waits for a processor', longest('byClock'), Number.POSITIVE_INFINITY, ' ms'),
          none(
            'codes other than of pictures',
            [...seen.codes.keys()].filter((code) => !/image|picture|pages|^ok$/.test(code)).length,
          ),
          holds('answers', true, [...seen.codes].map(([code, count]) => `${code} ${count}`).join(' ')),
        ])
      },
      { preload },
    )
  })

async function sendAll(url: string, seen: Seen): Promise<void> {
  const dryRun = `${url}/infer?dry_run=1`
  await inTurns(clients, bombs.length, async (place) => {
    const bomb = bombs[place]
    if (bomb) await send(dryRun, bomb.name, await bomb.make(), seen)
  })
  const seeds = await ordinary()
  await inTurns(clients, broken, async (place) => {
    const random = seeded(place)
    const some = random() < inDecoder ? seeds.elsewhere : seeds.here
    const any = () => some[Math.floor(random() * some.length)] ?? Buffer.alloc(0)
    const bytes = mutated(any(), { random, other: any(), tokens: [], mostBytes: 100_000 })
    await send(dryRun, `broken ${place}`, bytes, seen)
  })
}

async function ordinary(): Promise<{ here: Buffer[]; elsewhere: Buffer[] }> {
  const picture = () => sharp({ create: { width: 60, height: 40, channels: 3, background: '#c03020' } })
  const here = [
    picture().jpeg(),
    picture().jpeg({ progressive: true }),
    picture().withMetadata({ orientation: 6 }).jpeg(),
    picture().png(),
    picture().png({ progressive: true }),
    picture().png({ palette: true }),
    picture().webp(),
    picture().ensureAlpha(0.5).webp({ lossless: true }),
  ]
  const elsewhere = [picture().avif({ effort: 0 }), picture().gif(), picture().tiff({ compression: 'lzw' })]
  const made = (some: Sharp[]) => Promise.all(some.map((one) => one.toBuffer()))
  return {
    here: await made(here),
    elsewhere: [...(await made(elsewhere)), heic, transparent, jp2(codestreams.rgb), pdf(1), pdf(3)],
  }
}

const peakMib = (pid: number): number =>
  Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN) / 1024
