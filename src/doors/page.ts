/**
 * The page at `/`: plain files, served as they were written. They hold nothing but themselves, so no key is asked. Who
 * wants no HTML there looks for Ollama, and is told what Ollama says.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance } from 'fastify'
import { type Config, packageRoot } from '../config.ts'

const folder = join(packageRoot, 'src/page')

/** What the page refuses by itself, before it sends megabytes in vain. */
export type PageLimits = { config: Pick<Config, 'MAX_IMAGES' | 'MAX_BODY_MIB'> }

export async function pageRoutes(app: FastifyInstance, { config }: PageLimits): Promise<void> {
  await app.register(fastifyStatic, { root: folder, serve: false })
  const options = { schema: { hide: true }, config: { open: true } }
  app.get('/', options, ({ headers }, reply) => {
    reply.header('vary', 'accept')
    return headers.accept?.includes('text/html')
      ? reply.sendFile('index.html')
      : reply.type('text/plain; charset=utf-8').send('Ollama is running')
  })
  const limits = { max_images: config.MAX_IMAGES, max_body_bytes: config.MAX_BODY_MIB * 1024 ** 2 }
  app.get('/limits.json', options, () => limits)
  for (const file of readdirSync(folder)) {
    app.get(`/${file}`, options, (_request, reply) => reply.sendFile(file))
  }
}
