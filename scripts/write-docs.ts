/** Writes docs/configuration.md from the settings' schema. `npm run docs`; a test fails when it is stale. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expectation, packageRoot, settings } from '../src/config.ts'

export const configurationPath = join(packageRoot, 'docs/configuration.md')

export function configurationPage(): string {
  const rows = Object.entries(settings.properties).map(([name, schema]) => {
    const unit = schema.unit ? ` ${schema.unit}` : ''
    const fallback = schema.default === '' ? '' : `\`${schema.default}\`${unit}`
    return `| \`${name}\` | ${fallback} | ${schema.description} | ${expectation(schema)} |`
  })
  return [
    '# Configuration',
    '',
    'All settings are environment variables; an empty one counts as unset. A wrong value ends the start with a line',
    'that names it. This page is written by `npm run docs`.',
    '',
    '| variable | default | what it does | accepts |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}

if (process.argv[1] === import.meta.filename) writeFileSync(configurationPath, configurationPage())
