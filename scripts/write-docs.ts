/**
 * Writes what the documentation says of settings, limits and errors from the tables in the source. `npm run docs`; a
 * test fails when a page is stale.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TSchema } from '@sinclair/typebox'
import { packageRoot, settings } from '../src/config.ts'
import { type ErrorType, type FailureCode, failures } from '../src/errors.ts'
import { catalogue, catalogueTokens, machineFor } from '../src/model/catalogue.ts'
import { expectation } from '../src/setting-kinds.ts'

type Setting = TSchema & { description: string; unit?: string; answers?: FailureCode }

const allSettings = Object.entries(settings.properties) as [name: string, schema: Setting][]

/** A page of the documentation, by its path from the root, and all that it has to say. */
export type Page = { path: string; text: string }

export const pages = (): Page[] => [
  { path: 'docs/configuration.md', text: configuration() },
  { path: 'docs/errors.md', text: errors() },
  { path: 'docs/models.md', text: withSection(read('docs/models.md'), models()) },
  { path: 'docs/operations.md', text: withSection(read('docs/operations.md'), limits()) },
]

const read = (path: string): string => readFileSync(join(packageRoot, path), 'utf8')

const table = (head: string[], rows: string[][]): string =>
  [
    `| ${head.join(' | ')} |`,
    `|${'---|'.repeat(head.length)}`,
    ...rows.map((cells) => `| ${cells.join(' | ')} |`),
  ].join('\n')

function defaultOf({ default: value, unit = '' }: Setting): string {
  return value === '' ? '' : `\`${value}\` ${unit}`.trimEnd()
}

function configuration(): string {
  const rows = allSettings.map(([name, schema]) => [
    `\`${name}\``,
    defaultOf(schema),
    schema.description,
    expectation(schema),
  ])
  return `# Configuration

All settings are environment variables; an empty one counts as unset. A wrong value ends the start with a line
that names it. This page is written by \`npm run docs\`.

${table(['variable', 'default', 'what it does', 'accepts'], rows)}
`
}

function limits(): string {
  const rows = allSettings.flatMap(([name, schema]) => {
    const { description, answers } = schema
    if (answers === undefined) return []
    return [[`\`${name}\``, defaultOf(schema), description, `${failures[answers].status} \`${answers}\``]]
  })
  return table(['setting', 'default', 'limit', 'answer to more'], rows)
}

function models(): string {
  const families = catalogue.map((family) => {
    const tokens = catalogueTokens(family)
    const counts = tokens ? [tokens.small, tokens.page, tokens.most].map(String) : ['1', '1', '1']
    return [family.name, `\`${family.projectorType}\``, ...counts]
  })
  const each = catalogue.flatMap(({ models }) =>
    models.map((one) => [one.name, `${one.gigabytes} GB`, `${machineFor(one)} GB`, `\`${one.pull}\``]),
  )
  const head = ['family', 'kind of picture processing', '640 x 480', 'page, 1240 x 1754', 'most']
  return `${table(head, families)}

${table(['model', 'files', 'memory of the machine', 'name for `llama-vision pull` and `MODEL_NAME`'], each)}`
}

const faults: Record<ErrorType, string> = {
  validation: 'the request',
  model: 'the engine or the model',
  system: 'the service',
}

function errors(): string {
  const rows = Object.entries(failures).map(([code, { status, type, sentence }]) => [
    `\`${code}\``,
    String(status),
    `\`${type}\``,
    sentence.replace(/[<|]/g, '\\$&'),
  ])
  const fault = Object.entries(faults)
    .map(([type, what]) => `\`${type}\` ${what}`)
    .join(', ')
  return `# Errors

\`details.code\` is one of these and stays what it is; sentences may change. \`error_type\` tells what is at fault:
${fault}. What stands in braces is
in \`details\`, too, as are \`request_id\` and, where there is one, \`field\`. \`client_gone\` is only logged. This page is
written by \`npm run docs\`.

${table(['code', 'status', '`error_type`', '`error`'], rows)}
`
}

const [sectionStart, sectionEnd] = ['<!-- written by `npm run docs` -->\n', '<!-- end -->']

/** The page with this text as its one written section. */
function withSection(page: string, text: string): string {
  const start = page.indexOf(sectionStart) + sectionStart.length
  const end = page.indexOf(sectionEnd)
  if (start < sectionStart.length || end < start) throw new Error('The page has no section to write')
  return `${page.slice(0, start)}\n${text}\n\n${page.slice(end)}`
}

if (process.argv[1] === import.meta.filename) {
  for (const { path, text } of pages()) writeFileSync(join(packageRoot, path), text)
}
