/**
 * Collects the licence texts of all that is compiled into the engine, and refuses a source that holds work of others
 * which `vendor/llama.cpp/components.json` does not name. Plain JavaScript: it runs before anything is installed.
 * usage: node engine-licenses.js SOURCE FOLDER
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const [source, folder] = process.argv.slice(2)
if (!source || !folder) {
  console.error('usage: node engine-licenses.js SOURCE FOLDER')
  process.exit(2)
}
const vendor = join(import.meta.dirname, '../vendor/llama.cpp')
const { components, notCompiled } = JSON.parse(readFileSync(join(vendor, 'components.json'), 'utf8'))

const subfolders = (path) =>
  readdirSync(join(source, path), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => `${path}/${name}`)
const textIn = (path) => readdirSync(join(source, path)).find((name) => /^LICENSE(\.\w+)?$/.test(name))

mkdirSync(folder, { recursive: true })
cpSync(join(source, 'LICENSE'), join(folder, 'LICENSE-llama.cpp'))
cpSync(join(source, 'licenses'), folder, { recursive: true })
cpSync(join(vendor, 'licenses'), folder, { recursive: true })

/** Folders of others' work: those below `vendor/`, or in turn below them where they hold no file of their own. */
const places = subfolders('vendor').flatMap((place) => {
  const inner = subfolders(place)
  return inner.length > 0 ? inner : [place]
})
for (const place of places) {
  const text = textIn(place)
  const name = place.replace(/^vendor\//, '').replaceAll('/', '-')
  if (text) cpSync(join(source, place, text), join(folder, `LICENSE-${name}`))
}

// The text stands as a comment before the first empty line.
const sgemm = join(source, 'ggml/src/ggml-cpu/llamafile/sgemm.cpp')
if (existsSync(sgemm)) {
  const [comment = ''] = readFileSync(sgemm, 'utf8').split('\n\n', 1)
  writeFileSync(join(folder, 'LICENSE-llamafile'), `${comment.replace(/^\/\/ ?/gm, '')}\n`)
}

const known = [...components.map((one) => one.source), ...notCompiled]
const unknown = places.filter((place) => !known.includes(place))
const missing = components.filter((one) => !existsSync(join(folder, one.text)))
for (const place of unknown)
  console.error(`engine: ${place} is not named in vendor/llama.cpp/components.json`)
for (const { name, text } of missing) console.error(`engine: ${name} has no licence text ${text}`)
if (unknown.length + missing.length > 0) process.exit(1)
