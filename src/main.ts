#!/usr/bin/env node
/**
 * The commands. Each is loaded only when it is called: the image's health check runs `probe` again and again, and
 * loading the service would be most of its cost.
 */
import { Command, Option } from 'commander'
import { firstSignal } from './cli/ending.ts'
import { count, serviceAddress, strayWord, temperature } from './cli/misuse.ts'
import { ownVersion } from './config.ts'
import { messageOf } from './errors.ts'
import { imageDetails } from './image/tiles.ts'

// With a listener it does not open Node's debugger, by which whoever reaches the port runs code here.
process.on('SIGUSR1', () => {})
// Whoever reads what is told on the way may leave.
process.stderr.on('error', () => {})

const program = new Command('llama-vision')
  .description(
    'Vision models on an ordinary CPU, behind a small REST API. Settings are environment variables.',
  )
  .version(ownVersion(), '--version', 'tell the version')

program
  .command('serve', { isDefault: true })
  .description('serve the API and the page until stopped')
  // Whatever is no command comes here, and has to be told so.
  .allowExcessArguments()
  .allowUnknownOption()
  .action(async (_options, { args }: Command) => {
    const names = program.commands.map((command) => command.name())
    if (args.length > 0) program.error(strayWord(args, names))
    await (await import('./cli/serve.ts')).serve(process.env)
  })

program
  .command('probe')
  .description('exit 0 when the service on this machine is healthy, 1 with the reason otherwise')
  .action(async () => {
    const { probe } = await import('./cli/probe.ts')
    const { healthy, message } = await probe(process.env)
    console.log(message)
    process.exitCode = healthy ? 0 : 1
  })

program
  .command('doctor')
  .description('tell what would happen with these settings, and what is wrong; exit 1 when it could not run')
  .option('--json', 'as JSON')
  .action(async ({ json }: { json?: boolean }) => {
    const { doctor } = await import('./cli/doctor.ts')
    const findings = await doctor(process.env)
    if (json) console.log(JSON.stringify(findings, null, 2))
    else
      for (const { about, level, sentence } of findings) console.log(`${marks[level]} ${about}: ${sentence}`)
    process.exitCode = findings.some(({ level }) => level === 'fault') ? 1 : 0
  })

program
  .command('pull')
  .description('fetch a model and its projector into MODEL_PATH; goes on where it was cut off')
  .argument(
    '<source>',
    'hf:owner/repo:QUANT, hf:owner/repo/file.gguf, https://host/file.gguf or ollama:name:tag',
  )
  .action(async (source: string) => (await import('./cli/pull-command.ts')).pullCommand(source, process.env))

program
  .command('models')
  .description('models that people have, what machine they want, and the names to fetch them by')
  .action(async () => console.log((await import('./cli/models-command.ts')).modelsTable()))

program
  .command('setup')
  .description(
    'build the engine, or take the one of ENGINE_ARCHIVE, before the first start of an installed package; goes on where it was cut off',
  )
  .option('--install-packages', "install what compiling needs of Debian's packages where it is missing")
  .action(async ({ installPackages }: { installPackages?: boolean }) =>
    (await import('./cli/setup-command.ts')).setUpCommand(process.env, installPackages === true),
  )

const marks = { good: 'ok     ', warning: 'warning', fault: 'FAULT  ' }

/** What the commands that ask have in common. */
const asking = (command: Command): Command =>
  command
    .option(
      '--url <url>',
      'ask this service; otherwise one on this machine, or one started for the purpose',
      serviceAddress,
    )
    // Not as a default: --help shows those.
    .addOption(new Option('--key <key>', 'API key of the service').env('LLAMA_VISION_KEY'))
    .option('--max-tokens <count>', 'most tokens in an answer', count)
    .option('--temperature <number>', 'sampling temperature, 0 to 2', temperature)
    .addOption(new Option('--image-detail <detail>', 'how closely to look').choices(imageDetails))

type Asking = { url?: string; key?: string; maxTokens?: number; temperature?: number; imageDetail?: string }

const serviceChoiceOf = ({ url, key, maxTokens, temperature, imageDetail }: Asking) => ({
  url,
  key,
  env: process.env,
  fields: {
    ...(maxTokens !== undefined && { max_tokens: String(maxTokens) }),
    ...(temperature !== undefined && { temperature: String(temperature) }),
    ...(imageDetail && { image_detail: imageDetail }),
  },
})

const interrupted = (): AbortSignal => firstSignal(['SIGINT'], new Error('Interrupted')).signal

asking(program.command('infer'))
  .description('ask about a picture and write the answer while it is made')
  .argument('<picture>', 'file, or - for standard input')
  .argument('<prompt>', 'question')
  .option('--json', 'the whole answer as JSON')
  .action(async (picture: string, prompt: string, options: Asking & { json?: boolean }) => {
    const { infer } = await import('./cli/infer.ts')
    // An answer that nobody reads any more need not be made.
    process.stdout.once('error', () => process.exit(1))
    await infer({
      ...serviceChoiceOf(options),
      picture,
      prompt,
      json: options.json === true,
      signal: interrupted(),
      out: (text) => process.stdout.write(text),
      note: (sentence) => console.error(sentence),
    })
  })

type Captioning = {
  prompt: string
  out: string
  parallel?: number
  pdfPages: number
  patience: number
  schema?: string
  xmp?: boolean
  watch?: number | true
}

const several = (value: string, before: string[]): string[] => [...before, value]

asking(program.command('caption'))
  .description(
    'ask the same about every picture below a folder; a run that was cut off goes on where it stopped',
  )
  .argument('<folder>', 'folder of pictures')
  .option('--prompt <prompt>', 'question', 'Describe this picture in one sentence.')
  .option('--out <file>', 'captions, as JSON Lines or by the name .csv as CSV', 'captions.jsonl')
  .option('--parallel <count>', "pictures at once, otherwise the service's slots", count)
  .option('--schema <file>', 'JSON Schema that answers have to follow; its properties are columns in CSV')
  .option('--xmp', 'also write each answer into a sidecar (photo.jpg.xmp), for digiKam and darktable')
  .option('--pdf-pages <count>', 'pages of a PDF that are looked at, from the first', count, 1)
  .option(
    '--watch [seconds]',
    'go on with pictures as they come, looking every 5 seconds, until Ctrl-C',
    count,
  )
  .option('--patience <minutes>', 'how long a service that does not answer is waited for', count, 30)
  .action(async (folder: string, options: Asking & Captioning) => {
    const { captionCommand } = await import('./cli/caption/command.ts')
    const { readAnswerSchema } = await import('./cli/caption/answer-schema.ts')
    const choice = serviceChoiceOf(options)
    process.exitCode = await captionCommand({
      ...choice,
      fields: { ...choice.fields, pdf_pages: String(options.pdfPages) },
      folder,
      prompt: options.prompt,
      schema: options.schema === undefined ? undefined : await readAnswerSchema(options.schema),
      out: options.out,
      parallel: options.parallel,
      patienceSeconds: options.patience * 60,
      xmp: options.xmp === true,
      watchSeconds: options.watch === true ? 5 : options.watch,
      signal: interrupted(),
    })
  })

asking(program.command('mcp'))
  .description('let a client of the Model Context Protocol ask about pictures, over stdin and stdout')
  .option('--allow <folder>', 'read pictures below this folder; may be given several times', several, [])
  .action(async (options: Asking & { allow: string[] }) => {
    const { mcp } = await import('./cli/mcp.ts')
    await mcp({
      ...serviceChoiceOf(options),
      allow: options.allow,
      signal: interrupted(),
      note: (sentence) => console.error(sentence),
    })
  })

program.parseAsync().catch((error) => {
  console.error(messageOf(error))
  process.exitCode = 1
})
