/** The page at `/`: plain files, served as they were written. They hold nothing but themselves, so no key is asked. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance } from 'fastify'
import { packageRoot } from '../config.ts'

const folder = join(packageRoot, 'src/page')

export async function pageRoutes(app: FastifyInstance): Promise<void> {
  await app.register(fastifyStatic, { root: folder, serve: false })
  const options = { schema: { hide: true }, config: { open: true } }
  app.get('/', options, (_request, reply) => reply.sendFile('index.html'))
  for (const file of readdirSync(folder)) {
    app.get(`/${file}`, options, (_request, reply) => reply.sendFile(file))
  }
}
