/** What sentences and pages tell a person to set is something that can be set. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import ts from 'typescript'
import { packageRoot, settings } from '../src/config.ts'

/** Names that look like settings, and are for others to read. */
const others: Record<string, string> = {
  HF_TOKEN: 'pull',
  HF_ENDPOINT: 'pull',
  OLLAMA_REGISTRY: 'pull',
  LLAMA_VISION_KEY: 'infer and caption',
  LLAMA_VISION_CACHE: 'the set-up',
  ENGINE_ARCHIVE: 'the set-up',
  ENGINE_ARCHIVE_SHA256: 'the set-up',
  OLLAMA_HOST: "Ollama's clients",
  OLLAMA_BASE_URL: 'Karakeep and PhotoPrism',
  OPENAI_BASE_URL: 'Karakeep',
  OPENAI_API_KEY: 'Karakeep',
  INFERENCE_IMAGE_MODEL: 'Karakeep',
  INFERENCE_JOB_TIMEOUT_SEC: 'Karakeep',
  INFERENCE_FETCH_TIMEOUT_SEC: 'Karakeep',
  VISION_LLM_PROVIDER: 'paperless-gpt',
  VISION_LLM_MODEL: 'paperless-gpt',
  OLLAMA_MODELS: 'Ollama',
  XDG_DATA_HOME: 'the folders of a person',
  IMAGE_B64: "the README's example",
  YOUR_API_KEY: "the page's examples",
  NODE_ENV: 'Node',
  MEMORY_LIMIT: 'compose',
  CPU_LIMIT: 'compose',
  PIDS_LIMIT: 'compose',
  NODE_IMAGE: "the image's build",
  DEBIAN_IMAGE: "the image's build",
  DEBIAN_SNAPSHOT: "the image's build",
  SOURCE_DATE_EPOCH: "the image's build",
  MCP_TOOL_TIMEOUT: 'Claude Code',
}
const codesOfOthers = /^(FST|ERR|HPE|EAI|UND)_/

function below(folder: string, ending: string): string[] {
  return readdirSync(join(packageRoot, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name))
}
const read = (path: string): string => readFileSync(join(packageRoot, path), 'utf8')

/** The texts of a program, without its names and comments. */
function textsOf(path: string): string[] {
  const texts: string[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node) || ts.isTemplateMiddleOrTemplateTail(node) || ts.isTemplateHead(node))
      texts.push(node.text)
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(path, read(path), ts.ScriptTarget.Latest))
  return texts
}

const variables = (text: string): string[] => text.match(/\b[A-Z]{2,}(?:_[A-Z0-9]+)+\b/g) ?? []

t.test('a variable that a text names is a setting', (t) => {
  const pages = [
    'README.md',
    'CONTRIBUTING.md',
    'SECURITY.md',
    'CHANGELOG.md',
    'docker-compose.yml',
    'Dockerfile',
  ]
  const named = [
    ...below('src', '.ts').map((path) => ({ path, texts: textsOf(path) })),
    ...[...pages, ...below('docs', '.md'), ...below('src/page', '.js'), ...below('src/page', '.html')].map(
      (path) => ({ path, texts: [read(path)] }),
    ),
  ].flatMap(({ path, texts }) => texts.flatMap(variables).map((name) => ({ path, name })))
  t.ok(named.length > 100)
  for (const { path, name } of named) {
    if (codesOfOthers.test(name)) continue
    t.ok(name in settings.properties || name in others, `${path}: ${name}`)
  }
  for (const name of Object.keys(others))
    t.ok(
      named.some((one) => one.name === name),
      `${name} is named`,
    )
  t.end()
})
