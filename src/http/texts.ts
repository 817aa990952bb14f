/**
 * Texts that are no Unicode: JSON can spell half a surrogate pair, which nothing behind the doors can write as UTF-8.
 * Every text of every body is looked at, names and values, wherever it stands.
 */
import type { FastifyInstance } from 'fastify'
import { failure } from '../errors.ts'

/** As much of a caller's path as an error repeats. */
const shownCharacters = 200

/** Refuses them once a body has been read and has its shape. */
export function refuseBrokenTexts(app: FastifyInstance): void {
  app.addHook('preHandler', (request, _reply, done) => {
    const field = brokenText(request.body)
    done(
      field === undefined ? undefined : failure('broken_unicode', { field: field.slice(0, shownCharacters) }),
    )
  })
}

type Place = { value: unknown; name: string; within: Place | undefined }

/** The path of a text that is not well-formed, such as `messages/0/content`; undefined where all of them are. */
export function brokenText(body: unknown): string | undefined {
  // No calls within calls: a body may be nested as deeply as it is long.
  const open: Place[] = [{ value: body, name: '', within: undefined }]
  for (let place = open.pop(); place; place = open.pop()) {
    const { value } = place
    if (typeof value === 'string' && !value.isWellFormed()) return pathOf(place)
    if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) continue
    for (const [name, inner] of Object.entries(value)) {
      const inside = { value: inner, name, within: place }
      if (!name.isWellFormed()) return pathOf(inside)
      if (typeof inner === 'string' || typeof inner === 'object') open.push(inside)
    }
  }
  return undefined
}

function pathOf(place: Place): string {
  const names: string[] = []
  for (let at = place; at.within; at = at.within) names.push(at.name.toWellFormed())
  return names.reverse().join('/')
}
