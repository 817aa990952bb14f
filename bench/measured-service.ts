/** The service, with an eye on its event loop. Tells its address and measurements to the process that forked it. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { pino } from 'pino'
import { startService } from '../src/cli/serve.ts'
import { loadConfig } from '../src/config.ts'

const config = loadConfig(process.env)
const service = await startService(config, pino({ level: config.LOG_LEVEL }))
const delay = monitorEventLoopDelay({ resolution: 1 })
delay.enable()

process.on('message', () => {
  const memoryMib = Math.round(process.memoryUsage().rss / 1024 ** 2)
  process.send?.({ longestBlockMs: delay.max / 1e6, memoryMib })
  delay.reset()
})
const stop = () => service.stop().then(() => process.exit(0))
process.on('SIGTERM', stop)
// A bench that was killed must not leave an engine behind: it would spoil every later measurement.
process.on('disconnect', stop)
process.send?.(service.url)
