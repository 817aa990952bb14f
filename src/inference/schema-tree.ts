/** What there is to know about where things are in a schema. */

export type Json = Record<string, unknown>

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const sum = (numbers: number[]): number => numbers.reduce((total, one) => total + one, 0)

/** `#/definitions/name`; anything else that a reference may be leads nowhere here. */
export function targetOf(root: Json, reference: string): unknown {
  if (reference === '#') return root
  if (!reference.startsWith('#/')) return undefined
  return reference
    .slice(2)
    .split('/')
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>((place, name) => (place as Json | undefined)?.[name], root)
}
