#!/usr/bin/env node
/** The commands: `serve` (the default) and `probe`. */
import { Command } from 'commander'
import { probe } from './cli/probe.ts'
import { serve } from './cli/serve.ts'
import { messageOf } from './errors.ts'

const program = new Command('llama-vision').description(
  'Vision models on an ordinary CPU, behind a small REST API',
)

program
  .command('serve', { isDefault: true })
  .description('serve POST /infer and GET /health until stopped; settings are environment variables')
  .action(() => serve(process.env))

program
  .command('probe')
  .description('exit 0 when the service on this machine is healthy, 1 with the reason otherwise')
  .action(async () => {
    const { healthy, message } = await probe(process.env)
    console.log(message)
    process.exitCode = healthy ? 0 : 1
  })

program.parseAsync().catch((error) => {
  console.error(messageOf(error))
  process.exitCode = 1
})
