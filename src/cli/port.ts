/** The place where the service listens, looked at before there is an engine that would have to be ended again. */
import { createServer } from 'node:net'
import { type Config, ConfigError } from '../config.ts'
import { messageOf } from '../errors.ts'

type Place = Pick<Config, 'HOST' | 'PORT'>

/** Throws `ConfigError`, which names the setting, where nobody could listen now. */
export async function requirePort({ HOST, PORT }: Place): Promise<void> {
  const server = createServer()
  try {
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(PORT, HOST, resolve))
  } catch (error) {
    throw listenFault(error, { HOST, PORT })
  }
  await new Promise((resolve) => server.close(resolve))
}

/** What listening failed with, as a sentence about the setting. */
export function listenFault(error: unknown, { HOST, PORT }: Place): ConfigError {
  const sentences: Record<string, string> = {
    EADDRINUSE: `PORT is ${PORT}, where another program listens already (on ${HOST}); stop that or set another PORT`,
    EACCES: `PORT is ${PORT}, where this user may not listen; set a PORT from 1024`,
    EADDRNOTAVAIL: `HOST is ${HOST}, which is no address of this machine`,
    ENOTFOUND: `HOST is ${HOST}, a name that leads to no address`,
    EAI_AGAIN: `HOST is ${HOST}, a name that cannot be looked up now`,
  }
  const { code = '' } = error as NodeJS.ErrnoException
  return new ConfigError(
    sentences[code] ?? `Nobody can listen on HOST ${HOST}, PORT ${PORT}: ${messageOf(error)}`,
    { cause: error },
  )
}
