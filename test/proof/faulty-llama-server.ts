/**
 * The fake engine as a program that can be told to misbehave from now on, whatever it is asked. A file beside its wrapper
 * says which process has which fault, so that the one started in its place is well. It may read there, but not write.
 */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fakeEngineConfig } from '../support/fake-engine.ts'
import { startFakeLlama } from '../support/fake-llama.ts'

/**
 * Deaf: answers nothing, its health included. Stall: stops in the middle of an answer. Garbage: answers what nobody can
 * read. Failing: 500 for each question. Endless: answers on and on. All but the first say that they are healthy.
 */
export type Fault = 'deaf' | 'stall' | 'garbage' | 'failing' | 'endless'

/** Settings of a service with such an engine, and what gives the process that runs now a fault. */
export function faultyEngine(folder: string) {
  const { MODEL_PATH, MODEL_NAME, ENGINE_PATH } = fakeEngineConfig(folder)
  const file = join(folder, 'fault')
  writeFileSync(file, '')
  const words = [process.execPath, '--import', import.meta.resolve('tsx'), import.meta.filename]
  const quoted = words.map((word) => `'${word}'`).join(' ')
  writeFileSync(ENGINE_PATH, `#!/bin/sh\nPROOF_FAULT='${file}' exec ${quoted} "$@"\n`)
  chmodSync(ENGINE_PATH, 0o755)
  const turn = (pid: number, fault: Fault) => writeFileSync(file, `${pid} ${fault}`)
  return { settings: { MODEL_PATH, MODEL_NAME, ENGINE_PATH }, turn }
}

if (process.argv[1] === import.meta.filename) {
  startFakeLlama(process.argv, '', {
    print: (line) => console.error(line),
    exit: (code) => process.exit(code),
    crash: () => process.kill(process.pid, 'SIGKILL'),
    wedge: () => process.kill(process.pid, 'SIGSTOP'),
    fault: () => {
      const [pid, fault = ''] = readFileSync(process.env.PROOF_FAULT ?? '', 'utf8').split(' ')
      return Number(pid) === process.pid ? fault : ''
    },
  })
}
