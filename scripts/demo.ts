/** `npm run demo`: starts the service with the demo model, shows it one picture, prints the answer, stops. */
import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { pino } from 'pino'
import { endInOrder } from '../src/cli/ending.ts'
import { startService } from '../src/cli/serve.ts'
import { untilHealthy } from '../src/cli/until-healthy.ts'
import { loadConfig, packageRoot } from '../src/config.ts'

const picture = join(packageRoot, 'models/demo/samples/shapes.png')
const question = 'Describe what you see in this image'

const config = loadConfig({ MODEL_NAME: 'demo', PORT: '0', LOG_LEVEL: 'warn' })
console.error('demo: starting the service')
const log = pino({ level: config.LOG_LEVEL })
const service = await startService(config, log)
let interrupted = false
endInOrder({
  log,
  graceMs: config.SHUTDOWN_GRACE * 1000,
  stop: (how) => {
    interrupted = true
    return service.stop(how)
  },
})
try {
  await untilHealthy(service.url)
  const response = await fetch(`${service.url}/infer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      prompt: question,
      image: readFileSync(picture).toString('base64'),
      temperature: 0,
    }),
  })
  console.log(`picture:  ${relative(packageRoot, picture)}`)
  console.log(`question: ${question}`)
  console.log(`answer:   ${JSON.stringify(await response.json(), null, 2)}`)
  if (!response.ok) process.exitCode = 1
} catch (error) {
  // Of a service that stops.
  if (!interrupted) throw error
} finally {
  await service.stop()
}
