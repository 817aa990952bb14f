/**
 * `llama-vision mcp`: the Model Context Protocol over stdin and stdout, for a client that starts it. The client is
 * greeted at once; which service answers is found out, or one started, with the first question: many clients start all
 * their servers and use few.
 */
import type { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import { loadConfig, ownVersion } from '../config.ts'
import type { Step } from '../doors/mcp/progress.ts'
import { mostTokens } from '../doors/mcp/question.ts'
import { type Look, lookServer } from '../doors/mcp/server.ts'
import { failure } from '../errors.ts'
import { usualContext } from '../model/picture-share.ts'
import { allowedPictures, type ReadPicture } from './allowed-pictures.ts'
import { ask, type Heard, Refusal } from './ask.ts'
import { type ChosenService, chooseService, type ServiceChoice } from './with-service.ts'

export type McpOptions = ServiceChoice & {
  fields: Record<string, string>
  /** Folders below which pictures may be read. */
  allow: readonly string[]
  /** For whoever started it: stdout is the client's. */
  note: (sentence: string) => void
}

/** More than a service has places for; each has its pictures in memory. */
const mostAtOnce = 16

/** Resolves when the client has gone or the signal fires. */
export async function mcp({ fields, allow, note, ...choice }: McpOptions): Promise<void> {
  const { CONTEXT_SIZE, MAX_BODY_MIB, MAX_IMAGES } = loadConfig(choice.env)
  const bodyBytes = MAX_BODY_MIB * 1024 ** 2
  const readPicture = await allowedPictures(allow, bodyBytes)
  const ending = new AbortController()
  const service = lastingService({ ...choice, signal: ending.signal })
  const usual = { max_tokens: String(Math.min(mostTokens, CONTEXT_SIZE || usualContext)), temperature: '0' }
  let atOnce = 0

  const look: Look = async ({ pictures, question }, { signal, tell }) => {
    if (pictures.length > MAX_IMAGES) {
      throw failure('too_many_images', { actual: pictures.length, limit: MAX_IMAGES })
    }
    if (atOnce === mostAtOnce) throw failure('queue_full', { actual: atOnce, limit: mostAtOnce })
    atOnce += 1
    try {
      const sources = await Promise.all(pictures.map((picture) => sourceOf(picture, readPicture)))
      const waiting = (sentence: string) => {
        note(sentence)
        tell({ type: 'waiting', sentence })
      }
      const { response_text, metadata } = await service.use(waiting, ({ url, key }) => {
        const asking = { url, key, signal, fields: { ...usual, ...fields } }
        return ask(sources, question, asking, (heard) => tell(stepOf(heard)))
      })
      return { text: response_text, cutOff: metadata.finish_reason === 'length' }
    } finally {
      atOnce -= 1
    }
  }

  const server = lookServer({ version: ownVersion(), pictures: picturesSentence(allow), look })
  server.onerror = ({ message }) => note(message)
  const gone = clientGone(server, choice.signal)
  // Pictures may stand in messages, as base64 within JSON.
  const transport = new StdioServerTransport(process.stdin, process.stdout, { maxBufferSize: 2 * bodyBytes })
  await server.connect(transport)
  await gone
  ending.abort(new Error('The client has gone'))
  await server.close()
  await service.stop()
}

/** The service that answers, kept from the first question on. */
function lastingService(choice: ServiceChoice) {
  let chosen: Promise<ChosenService> | undefined

  return {
    async use<Result>(
      tell: (sentence: string) => void,
      work: (service: ChosenService) => Promise<Result>,
    ): Promise<Result> {
      const mine = chosen ?? chooseService(choice, tell)
      chosen = mine
      const forget = () => {
        if (chosen === mine) chosen = undefined
      }
      const service = await mine.catch((error) => {
        forget()
        throw error
      })
      try {
        return await work(service)
      } catch (error) {
        // Somebody else's may have ended, and another may be there by the next question.
        if (!(error instanceof Refusal) && !service.stop) forget()
        throw error
      }
    },
    async stop(): Promise<void> {
      const last = await chosen?.catch(() => undefined)
      await last?.stop?.()
    },
  }
}

/** Nobody asks any more: the end of what is read, nobody to read what is written, a signal. */
function clientGone(server: Server, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => resolve()
    process.stdin.once('end', end).once('close', end)
    process.stdout.on('error', end)
    process.once('SIGTERM', end)
    signal.addEventListener('abort', end, { once: true })
    server.onclose = end
  })
}

const picturesSentence = (allow: readonly string[]): string =>
  allow.length === 0
    ? 'The picture: a data URL or, where the service allows its host, an address.'
    : `The picture: the path of a file below ${allow.join(' or ')}, a data URL or, where the service allows its host, an address.`

/** Longer than any path: base64 without anything before it, which may begin as a path does. */
const longestPath = 4096

/** What the service is sent: base64, or what it can read itself. */
async function sourceOf(picture: string, readPicture: ReadPicture): Promise<string> {
  if (picture.length > longestPath || /^\s*(data|https?):/i.test(picture)) return picture
  return (await readPicture(picture)).toString('base64')
}

function stepOf(heard: Heard): Step {
  if (heard.event === 'token') return { type: 'token' }
  if (heard.event === 'queued')
    return { type: 'queued', position: heard.data.position, secondsLeft: heard.data.seconds_left }
  const { data } = heard
  switch (data.stage) {
    case 'image':
      return { type: 'image', done: data.done, total: data.total }
    case 'picture':
      return { type: 'picture', done: data.done, total: data.total, secondsLeft: data.seconds_left }
    case 'prompt':
      return { type: 'prompt', secondsLeft: data.seconds_left }
  }
}
