/**
 * A repository of Hugging Face -> the files to fetch: the model that is meant, all of its shards, and the projector that
 * goes with it.
 */
import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { huggingFaceForms, huggingFaceSource } from '../model/source-name.ts'
import { type RemoteFile, safeName } from './remote-file.ts'
import { asSha256, PullProblem, readJson, shown, type Web } from './requests.ts'

/** Taken when no quantization is named: the usual one, then the one of repositories with a single kind. */
const usualQuants = ['Q4_K_M', 'Q8_0']
const projectorOrder = ['f16', 'bf16', 'q8_0', 'f32']
const mostPages = 20
const mostListed = 20

const treeSchema = Type.Array(
  Type.Object({
    type: Type.String(),
    path: Type.String(),
    size: Type.Integer({ minimum: 0 }),
    lfs: Type.Optional(
      Type.Union([Type.Null(), Type.Object({ oid: Type.String(), size: Type.Integer({ minimum: 0 }) })]),
    ),
  }),
)
type Entry = Static<typeof treeSchema>[number]

/** Throws `PullProblem` where the repository has not what is named, or several that would do. */
export async function huggingFaceFiles(source: string, endpoint: string, web: Web): Promise<RemoteFile[]> {
  const { repository, quant, file } = huggingFaceSource.exec(source)?.groups ?? {}
  if (!repository) throw new PullProblem(`${source} is no source; expected ${huggingFaceForms}`)
  const entries = await ggufEntries(repository, endpoint, web)
  const chosen = file ? namedFile(entries, repository, file) : chosenFiles(entries, repository, quant)
  return chosen.map((entry) => ({
    name: localName(repository, entry.path),
    address: `${endpoint}/${repository}/resolve/main/${entry.path.split('/').map(encodeURIComponent).join('/')}`,
    size: entry.lfs?.size ?? entry.size,
    sha256: asSha256(entry.lfs?.oid),
  }))
}

async function ggufEntries(repository: string, endpoint: string, web: Web): Promise<Entry[]> {
  const entries: Entry[] = []
  let page: string | undefined = `${endpoint}/api/models/${repository}/tree/main?recursive=1`
  for (let pages = 0; page && pages < mostPages; pages += 1) {
    const { json, next }: Awaited<ReturnType<typeof readJson>> = await readJson(web, page)
    if (!Value.Check(treeSchema, json)) throw new PullProblem(`${shown(page)} answers with no list of files`)
    entries.push(...json.filter(({ type, path }) => type === 'file' && /\.gguf$/i.test(path)))
    page = next
  }
  return entries.sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** Many repositories call their projector `mmproj-F16.gguf`: two of them would not fit into one folder. */
function localName(repository: string, path: string): string {
  const name = safeName(path)
  const precision = /^mmproj(?:-model)?[-.]?([\w-]*)\.gguf$/i.exec(name)?.[1]
  if (precision === undefined || !/^(|b?f16|f32|q8_0)$/i.test(precision)) return name
  const model = repository.split('/')[1]?.replace(/[-_.]gguf$/i, '')
  return ['mmproj', model, precision].filter(Boolean).join('-').concat('.gguf')
}

const isProjector = ({ path }: Entry): boolean => /mmproj[^/]*$/i.test(path)
/** Files that are no model by themselves: calibration, and drafts for speculative decoding. */
const isModel = (entry: Entry): boolean =>
  !isProjector(entry) && !/(^|\/)(mtp|eagle3|dflash|dspark)-|imatrix/i.test(entry.path)

const shardPattern = /-(\d{5})-of-(\d{5})\.gguf$/i
const stemOf = ({ path }: Entry): string => path.replace(shardPattern, '').replace(/\.gguf$/i, '')

function namedFile(entries: Entry[], repository: string, file: string): Entry[] {
  const entry = entries.find(({ path }) => path === file)
  if (!entry) throw new PullProblem(`${repository} has no ${file}; it has: ${listed(entries)}`)
  return allShards(entries, entry)
}

function chosenFiles(entries: Entry[], repository: string, quant: string | undefined): Entry[] {
  const models = entries.filter(isModel)
  // Each model once, also those in several files.
  const firsts = models.filter(({ path }) => Number(shardPattern.exec(path)?.[1] ?? 1) === 1)
  const quants = quant ? [quant] : usualQuants
  const matching = quants.map((one) => firsts.filter(({ path }) => hasQuant(path, one)))
  const fitting = matching.find((list) => list.length > 0) ?? (quant ? [] : firsts)
  // Of the same quantization in a plain and in a "dynamic" make the plain one is meant.
  const candidates = preferring(fitting, ({ path }) => !/(^|[-._/])UD-/i.test(path))
  const [model, another] = candidates
  if (!model || another) {
    const what = another ? 'several models that fit' : `no model in ${quants[0]}`
    throw new PullProblem(
      `${repository} has ${what}; name one as hf:${repository}/FILE of: ${listed(another ? candidates : models)}`,
    )
  }
  const projector = projectorFor(model, entries)
  return [...allShards(entries, model), ...(projector ? [projector] : [])]
}

/** `Q4_K_M` in `model-Q4_K_M.gguf` and `Q4_K_M/model-00001-of-00002.gguf`, but not `Q4_0` in `IQ4_0` or `Q4_0_8_8`. */
function hasQuant(path: string, quant: string): boolean {
  const text = quant.replace(/[.]/g, '\\.')
  return new RegExp(`(^|[-._/])${text}(?=[-./])`, 'i').test(path)
}

function allShards(entries: Entry[], entry: Entry): Entry[] {
  const count = Number(shardPattern.exec(entry.path)?.[2] ?? 0)
  if (count === 0) return [entry]
  const shards = entries.filter(
    (other) => stemOf(other) === stemOf(entry) && Number(shardPattern.exec(other.path)?.[2]) === count,
  )
  if (shards.length === count) return shards
  throw new PullProblem(
    `${stemOf(entry)} is split into ${count} files, of which only ${shards.length} are there`,
  )
}

/** The nearest one in the model's folder or above it; of those, one that bears the model's name, then by precision. */
function projectorFor(model: Entry, entries: Entry[]): Entry | undefined {
  const folder = folderOf(model)
  const name = stemOf(model)
    .slice(folder.length)
    .replace(/[-.][a-z]*\d\w*$/i, '')
    .toLowerCase()
  const near = entries.filter((entry) => isProjector(entry) && folder.startsWith(folderOf(entry)))
  const depth = Math.max(...near.map((entry) => folderOf(entry).length))
  const nearest = near.filter((entry) => folderOf(entry).length === depth)
  const related = preferring(nearest, ({ path }) => path.toLowerCase().includes(name))
  const byPrecision = projectorOrder.map((one) => related.find(({ path }) => hasQuant(path, one)))
  return byPrecision.find(Boolean) ?? related[0]
}

const folderOf = ({ path }: Entry): string => path.slice(0, path.lastIndexOf('/') + 1)

/** Those that fit, or all of them where none does. */
function preferring(entries: Entry[], fits: (entry: Entry) => boolean): Entry[] {
  const fitting = entries.filter(fits)
  return fitting.length > 0 ? fitting : entries
}

function listed(entries: Entry[]): string {
  const more = entries.length - mostListed
  const names = entries.slice(0, mostListed).map(({ path }) => path)
  return (names.join(', ') || 'no GGUF files') + (more > 0 ? ` and ${more} more` : '')
}
