/**
 * Where the set-up puts what it compiled for this machine: the engine, and what confines it. A checkout has both beside
 * its sources. An installed package may be somebody else's, to be read only: then they lie in the user's cache, by
 * version, since another one may need another engine.
 */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { ownVersion, packageRoot } from '../config.ts'

export type Places = {
  /** What is fetched and built; `scripts/build-engine.sh` builds into the same. */
  cache: string
  /** A link to the folder of the engine. */
  engine: string
  /** The program that starts the engine. */
  confine: string
  /** What a person types to have both made. */
  command: string
}

export function placesOf(root: string, version: string, env: NodeJS.ProcessEnv): Places {
  const { LLAMA_VISION_CACHE, XDG_CACHE_HOME, HOME } = env
  const cache = resolve(
    LLAMA_VISION_CACHE || join(XDG_CACHE_HOME || join(HOME || '/', '.cache'), 'llama-vision'),
  )
  const installed = join(cache, 'set-up', version)
  const shippedConfine = join(root, 'dist/engine/confine')
  const isCheckout = existsSync(join(root, 'scripts/setup.sh'))
  return {
    cache,
    engine: isCheckout ? join(root, '.engine') : join(installed, 'engine'),
    // The image brings its own.
    confine: isCheckout || existsSync(shippedConfine) ? shippedConfine : join(installed, 'confine'),
    command: isCheckout ? 'bash scripts/setup.sh' : 'llama-vision setup',
  }
}

export const places = placesOf(packageRoot, ownVersion(), process.env)
