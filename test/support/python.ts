/** Python for the tests that need it: CI's virtual environment, or the system's, whichever has the packages. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const cache =
  process.env.LLAMA_VISION_CACHE ??
  join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'llama-vision')

/** The program, or undefined where no Python has all of these modules. */
export async function pythonWith(...modules: string[]): Promise<string | undefined> {
  for (const python of [join(cache, 'python/bin/python'), '/usr/bin/python3']) {
    if (!existsSync(python)) continue
    const works = await run(python, ['-c', `import ${modules.join(', ')}`]).catch(() => undefined)
    if (works) return python
  }
  return undefined
}
