#!/usr/bin/env node
/**
 * The commands: `serve` (the default) and `probe`. Each is loaded only when it is called: the image's health check runs
 * `probe` again and again, and loading the service would be most of its cost.
 */
import { Command } from 'commander'
import { messageOf } from './errors.ts'

const program = new Command('llama-vision').description(
  'Vision models on an ordinary CPU, behind a small REST API',
)

program
  .command('serve', { isDefault: true })
  .description('serve POST /infer and GET /health until stopped; settings are environment variables')
  .action(async () => (await import('./cli/serve.ts')).serve(process.env))

program
  .command('probe')
  .description('exit 0 when the service on this machine is healthy, 1 with the reason otherwise')
  .action(async () => {
    const { probe } = await import('./cli/probe.ts')
    const { healthy, message } = await probe(process.env)
    console.log(message)
    process.exitCode = healthy ? 0 : 1
  })

program.parseAsync().catch((error) => {
  console.error(messageOf(error))
  process.exitCode = 1
})
