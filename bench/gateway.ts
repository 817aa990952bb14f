/**
 * What the gateway adds to asking llama-server directly: the same engine, the same picture and question, in one run,
 * turn by turn. The engine has done its work on the picture before, so that what is measured is the way there and
 * back. usage: node --import tsx bench/gateway.ts
 */
import sharp from 'sharp'
import { Agent, Pool } from 'undici'
import { ask, type BenchService, withService } from './service.ts'

const prompt = 'What colour is it?'
const clients = [1, 4, 16]
const roundsPerClients = 3

/** Noise of about the wanted number of bytes that the gateway passes on unchanged. */
async function picture(name: string, side: number, quality = 90): Promise<{ name: string; image: string }> {
  const noise = { type: 'gaussian' as const, mean: 128, sigma: 40 }
  const bytes = await sharp({ create: { width: side, height: side, channels: 3, background: 'grey', noise } })
    .jpeg({ quality })
    .toBuffer()
  return { name: `${name} (${Math.round(bytes.length / 1024)} KiB)`, image: bytes.toString('base64') }
}

type Send = () => Promise<void>
type Times = { p50: number; p99: number; perSecond: number }

/** `count` requests by `workers` who each wait for an answer before they send the next. */
async function load(send: Send, workers: number, count: number): Promise<number[]> {
  const times: number[] = []
  let left = count
  await Promise.all(
    Array.from({ length: workers }, async () => {
      while (left > 0) {
        left -= 1
        const began = performance.now()
        await send()
        times.push(performance.now() - began)
      }
    }),
  )
  return times
}

function summary(times: number[], seconds: number): Times {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
  return { p50: at(0.5), p99: at(0.99), perSecond: times.length / seconds }
}

/** Both ways in turns, so that a slow moment of the machine hits both. */
async function compare(ways: { direct: Send; gateway: Send }, workers: number, count: number) {
  const measured = { direct: [] as number[], gateway: [] as number[] }
  const seconds = { direct: 0, gateway: 0 }
  for (let round = 0; round < roundsPerClients; round += 1) {
    for (const way of ['direct', 'gateway'] as const) {
      const began = performance.now()
      measured[way].push(...(await load(ways[way], workers, Math.ceil(count / roundsPerClients))))
      seconds[way] += (performance.now() - began) / 1000
    }
  }
  return {
    direct: summary(measured.direct, seconds.direct),
    gateway: summary(measured.gateway, seconds.gateway),
  }
}

function waysTo(service: BenchService, image: string): { direct: Send; gateway: Send } {
  const engine = new Agent({ connect: { socketPath: service.engineSocket }, pipelining: 0 })
  const gateway = new Pool(service.url, { pipelining: 1 })
  const headers = { 'content-type': 'application/json' }
  const content = [
    { type: 'image_url', image_url: { url: `data:image/jpeg;base64,${image}` } },
    { type: 'text', text: prompt },
  ]
  const sampling = { max_tokens: 1, temperature: 0, top_p: 1 }
  const stream = { stream: true, stream_options: { include_usage: true } }
  const engineBody = JSON.stringify({ messages: [{ role: 'user', content }], ...sampling, ...stream })
  const gatewayBody = JSON.stringify({ prompt, image, ...sampling })
  return {
    direct: async () => {
      const path = '/v1/chat/completions'
      const response = await engine.request({
        origin: 'http://engine',
        path,
        method: 'POST',
        headers,
        body: engineBody,
        reset: true,
      })
      const text = await response.body.text()
      if (!text.includes('[DONE]')) throw new Error(text)
    },
    gateway: async () => {
      const response = await gateway.request({ path: '/infer', method: 'POST', headers, body: gatewayBody })
      const text = await response.body.text()
      if (response.statusCode !== 200) throw new Error(text)
    },
  }
}

const pictures = [
  { ...(await picture('small', 40)), count: 600 },
  { ...(await picture('middle', 370)), count: 300 },
  { ...(await picture('large', 2040, 97)), count: 60 },
]

await withService({ QUEUE_SIZE: '64' }, async (service) => {
  console.log(
    '| picture | clients | direct p50 | p99 | per s | gateway p50 | p99 | per s | added p50 | of it picture work | longest block |',
  )
  console.log('|---|---|---|---|---|---|---|---|---|---|---|')
  for (const { name, image, count } of pictures) {
    const ways = waysTo(service, image)
    await load(ways.gateway, 2, 20)
    await load(ways.direct, 2, 20)
    for (const workers of clients) {
      await service.measure()
      const { direct, gateway } = await compare(ways, workers, count)
      const { longestBlockMs } = await service.measure()
      const pictureMs = await medianPictureMs(service.url, image)
      const cells = [
        direct.p50,
        direct.p99,
        direct.perSecond,
        gateway.p50,
        gateway.p99,
        gateway.perSecond,
        gateway.p50 - direct.p50,
        pictureMs,
        longestBlockMs,
      ]
      console.log(`| ${name} | ${workers} | ${cells.map((cell) => cell.toFixed(1)).join(' | ')} |`)
    }
  }
  console.log(
    `\nmilliseconds, but for requests per second; memory of the gateway at the end: ${(await service.measure()).memoryMib} MiB`,
  )
})

async function medianPictureMs(url: string, image: string): Promise<number> {
  const times: number[] = []
  for (let count = 0; count < 9; count += 1) {
    const { metadata } = await ask(url, { prompt, image, max_tokens: 1, temperature: 0 })
    times.push(metadata.timings_ms.image)
  }
  return times.sort((a, b) => a - b)[4] ?? 0
}
