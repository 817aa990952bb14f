/** A thousand ways to write addresses that must not be called, in a network where every call is heard. */
import { join } from 'node:path'
import { type Figure, judged } from '../row.ts'
import { withinSealedNetwork } from '../ssrf/network.ts'

export const name = 'SSRF, 1,000 addresses, redirects, rebinding, and the engine itself'
export const must = '0 connections'

export const run = async () =>
  judged(JSON.parse(await withinSealedNetwork(join(import.meta.dirname, '../ssrf/sealed.ts'))) as Figure[])
