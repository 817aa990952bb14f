/** The fake engine as a program. `FAKE_START` comes from its wrapper script (see fake-engine.ts). */
import { startFakeLlama } from './fake-llama.ts'

const start = process.env.FAKE_START ?? ''
if (start === 'ignore-sigterm') process.on('SIGTERM', () => {})

startFakeLlama(process.argv, start, {
  print: (line) => console.error(line),
  exit: (code) => process.exit(code),
  crash: () => process.kill(process.pid, 'SIGKILL'),
  wedge: () => process.kill(process.pid, 'SIGSTOP'),
})
