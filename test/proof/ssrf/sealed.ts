/** Run within a sealed network by the row: asks for what must never be called, and prints the figures. */
import { createEngineClient } from '../../../src/engine/client.ts'
import { png } from '../../support/images.ts'
import type { Attempt } from '../bodies/mutations.ts'
import { type Verdict, verdictsOn } from '../bodies/verdicts.ts'
import { commandOf, engineOf } from '../processes.ts'
import { type Figure, holds, none } from '../row.ts'
import { withFolder, withService } from '../service.ts'
import { burglaries } from './burglary.ts'
import { picturesAt, wordsWith } from './doors.ts'
import { serveNames } from './names.ts'
import { begunConnections, lead, listenEverywhere } from './network.ts'
import { forbiddenFour, spellings } from './spellings.ts'

const count = 1000
/** Stands for the public internet: the one address that may be called. */
const publicAddress = '93.184.216.34'
const publicHex = '5db8d822'
const clients = 4
const limitMs = 60_000

lead()
const picture = await png()
/** The public server: a picture, or on the way to wherever its path says. */
const listeners = await listenEverywhere([80, 443, 8080, 6379, 22], ({ url = '' }, response) => {
  const [, to] = /^\/to\?(.*)$/.exec(url) ?? []
  if (to === undefined) return response.writeHead(200, { connection: 'close' }).end(picture)
  // A header holds bytes, and no line feeds.
  const location = Buffer.from(decodeURIComponent(to).replaceAll('\n', '')).toString('latin1')
  return response.writeHead(302, { location, connection: 'close' }).end()
})
const names = await serveNames({
  'pictures.test': publicHex,
  'other.test': publicHex,
  'www.pictures.test': publicHex,
})

type Seen = { verdicts: Verdict[]; forbidden: number; public: number; unheard: number }

/** Asks all, each at the next door. */
async function asked(port: number, urls: readonly string[], doors = picturesAt): Promise<Seen> {
  const before = {
    calls: listeners.calls(),
    public: listeners.callsTo(publicAddress),
    begun: begunConnections(),
  }
  const attempts = urls.map((url, number) => ({
    number,
    attempt: doors[number % doors.length]?.(url) as Attempt,
  }))
  const verdicts = await verdictsOn(port, attempts, { clients, limitMs })
  const calls = listeners.calls() - before.calls
  const toPublic = listeners.callsTo(publicAddress) - before.public
  return {
    verdicts,
    forbidden: calls - toPublic,
    public: toPublic,
    // Each question is a connection, too.
    unheard: begunConnections() - before.begun - urls.length - calls,
  }
}

const portOf = (url: string): number => Number(new URL(url).port)

/** What must not have happened, whoever asked for what. */
const nothingCalled = (name: string, { verdicts, forbidden, unheard }: Seen): Figure[] => {
  const faults = verdicts
    .filter(({ fault }) => fault !== undefined)
    .map(({ number, code }) => `${number} ${code}`)
  return [
    none(`${name} (${verdicts.length}): connections`, forbidden),
    none('unheard of', unheard),
    ...(faults.length > 0 ? [holds('badly answered', false, faults.slice(0, 5).join(', '))] : []),
  ]
}

const answered = ({ verdicts }: Seen): number => verdicts.filter(({ status }) => status < 400).length

/** Nothing is fetched, and nobody is asked for a name. */
const closed = () =>
  withService({}, async ({ url, process: { pid } }) => {
    names.asked.clear()
    const seen = await asked(portOf(url), spellings(count))
    const figures = [
      ...nothingCalled('nothing allowed', seen),
      none('answered', answered(seen)),
      none('public', seen.public),
      none('names asked for', names.asked.size),
    ]
    const words = forbiddenFour
      .slice(0, 12)
      .flatMap((four) => wordsWith.map(() => `http://${four}:8080/a.json`))
    const told = await asked(portOf(url), words, wordsWith)
    figures.push(
      ...nothingCalled('texts and schemas with addresses', told),
      none('names asked for', names.asked.size),
    )
    return [...figures, ...(await engineItself(engineOf(pid)))]
  })

/** As if such an address had come through: the engine is told to fetch it. */
async function engineItself(pid = 0): Promise<Figure[]> {
  const [, socket = ''] = / --host (\S+)/.exec(commandOf(pid)) ?? []
  const client = createEngineClient(socket)
  const begun = begunConnections()
  const calls = listeners.calls()
  let refused = 0
  for (const address of forbiddenFour) {
    const image_url = { url: `http://${address}/a.png` }
    const content = [
      { type: 'text' as const, text: 'colour' },
      { type: 'image_url' as const, image_url },
    ]
    const body = { messages: [{ role: 'user' as const, content }], max_tokens: 1, temperature: 0 }
    const events = client.chat(body, AbortSignal.timeout(limitMs), () => {})
    refused += await events.next().then(
      () => 0,
      () => 1,
    )
  }
  client.close()
  return [
    none(
      `the engine itself (${forbiddenFour.length}): connections`,
      listeners.calls() - calls + begunConnections() - begun,
    ),
    holds('refused', refused === forbiddenFour.length, String(refused)),
  ]
}

/** Any public host may be asked, which is as much as can be allowed. */
const open = () =>
  withService({ IMAGE_URL_ALLOW: '*,http://*,http://*:8080,*:8080,http://*:6379' }, async ({ url }) => {
    const port = portOf(url)
    const first = await asked(port, ['http://pictures.test/a.png', `http://${publicAddress}/a.png`])
    const all = await asked(port, spellings(count))
    const redirected = spellings(count / 5).map((to) => `http://pictures.test/to?${encodeURIComponent(to)}`)
    const redirects = await asked(port, redirected)
    const rebound = await asked(port, rebinding())
    return [
      holds(
        'any public host allowed: fetched',
        answered(first) === 2 && first.public >= 2,
        String(answered(first)),
      ),
      ...nothingCalled('forbidden', all),
      none('answered', answered(all) + all.public),
      ...nothingCalled('redirects', redirects),
      holds('followed', redirects.public >= redirected.length, String(redirects.public)),
      ...nothingCalled('rebinding', rebound),
      holds('public', rebound.public > 0, String(rebound.public)),
    ]
  })

/** Names that lead to a public address and to another: at once, one after the other, and from one question to the next. */
function rebinding(): string[] {
  const four = forbiddenFour.map((address) =>
    address
      .split('.')
      .map((byte) => Number(byte).toString(16).padStart(2, '0'))
      .join(''),
  )
  return four.flatMap((hidden) => {
    const later = `http://then-${publicHex}-${hidden}.names.test`
    return [
      `http://4-${publicHex}-${hidden}.names.test/`,
      `http://4-${hidden}-${publicHex}.names.test/`,
      `http://then-${hidden}-${publicHex}.names.test/`,
      `${later}/to?${encodeURIComponent(`${later}/`)}`,
      `${later}/`,
      `http://then-${publicHex}-${hidden}.names.test:8080/`,
    ]
  })
}

/** One host is listed, and only that one is asked. */
const listed = () =>
  withService({ IMAGE_URL_ALLOW: 'http://pictures.test' }, async ({ url }) => {
    const own = await asked(portOf(url), Array(10).fill('http://pictures.test/a.png'))
    const others = await asked(
      portOf(url),
      [
        ...[
          'other.test',
          'www.pictures.test',
          'pictures.test:8080',
          'pictures.test.other.test',
          publicAddress,
          'other.test#pictures.test',
        ],
        ...[
          'me@pictures.test',
          'pictures.test@other.test',
          'other.test/pictures.test',
          'other.test\\@pictures.test',
          '4-5db8d822.names.test',
        ],
      ].flatMap((host) => picturesAt.map(() => `http://${host}/`)),
    )
    const away = await asked(portOf(url), Array(10).fill('http://pictures.test/to?http://other.test/a.png'))
    return [
      holds('one host listed: fetched', answered(own) === 10 && own.public >= 10, String(answered(own))),
      ...nothingCalled('others', others),
      none('asked', others.public + answered(others)),
      holds('left on the way', away.public === 10 && answered(away) === 0, String(away.public)),
    ]
  })

const burglary = () =>
  withFolder(async (folder) => {
    const { free, confined } = await burglaries(folder)
    return [
      holds(
        `confined, of ${confined.tried} ways out open`,
        confined.open.length === 0,
        confined.open.join(' ') || '0',
      ),
      none('calls heard', confined.heard),
      holds('free', free.open.length > 5 && free.heard > 0, String(free.open.length)),
    ]
  })

const figures: Figure[] = []
for (const part of [closed, open, listed, burglary]) figures.push(...(await part()))
process.stdout.write(JSON.stringify(figures))
names.close()
listeners.close()
