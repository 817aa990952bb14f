/**
 * Places on this machine: paths as people write them into settings, and the folders that need not be named. A shell turns
 * `~/` into the home folder; files of settings hand it on as it stands.
 */
import { statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

export type Environment = Readonly<Record<string, string | undefined>>

/** Where the container has them; elsewhere nobody has, as a rule. */
export const containerModels = '/models'
export const containerStore = '/ollama'

const homeOf = ({ HOME }: Environment): string => HOME || homedir()

/** A path below the home folder where it begins with `~/`; all else as it is. */
export const withHome = (path: string, env: Environment): string =>
  path === '~' || path.startsWith('~/') ? join(homeOf(env), path.slice(1)) : path

/** Where models are kept when no folder is named. */
export const usualModels = (env: Environment, container = containerModels): string =>
  look(container) === 'folder'
    ? container
    : join(env.XDG_DATA_HOME || join(homeOf(env), '.local/share'), 'llama-vision')

/** Ollama's folder of models when none is named: of those there can be, one that holds models. */
export function usualStore(env: Environment): string {
  const folders = [
    containerStore,
    ...(env.OLLAMA_MODELS ? [env.OLLAMA_MODELS] : []),
    join(homeOf(env), '.ollama'),
    // Of its service, on Linux and as a snap.
    '/usr/share/ollama/.ollama',
    '/var/snap/ollama/common',
  ]
  const found = (what: ReturnType<typeof look>) =>
    folders.find((folder) =>
      [folder, join(folder, 'models')].some((root) => look(join(root, 'manifests')) === what),
    )
  // One that may not be looked into is told as such, once it is used.
  return found('folder') ?? found('closed') ?? containerStore
}

function look(path: string): 'folder' | 'closed' | 'none' {
  try {
    return statSync(path).isDirectory() ? 'folder' : 'none'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES' ? 'closed' : 'none'
  }
}
