/**
 * ggml's matrix products and attention, of the shapes of Llama 3.2 Vision, as the engine of an earlier commit makes them
 * and as that of this checkout does, beside oneDNN where its headers are installed (Debian: libdnnl-dev). GFLOPS of two
 * threads, packing included, the best of two rounds in which all take turns. The first run compiles for ten minutes.
 * usage: node --import tsx bench/kernels.ts COMMIT_BEFORE [FILTER]
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../src/config.ts'

const [commit, filter = ''] = process.argv.slice(2)
if (commit === undefined) throw new Error('usage: bench/kernels.ts COMMIT_BEFORE [FILTER]')

const rounds = 2
const seconds = '0.5'
const threads = process.env.THREADS ?? '2'
const cache = join(homedir(), '.cache/llama-vision/bench/kernels')
const source = join(packageRoot, 'bench/kernels')
mkdirSync(cache, { recursive: true })

const run = (program: string, words: string[], environment: Record<string, string> = {}): string =>
  execFileSync(program, words, {
    encoding: 'utf8',
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'ignore'],
    // The compiler's warnings, above all.
    maxBuffer: 256 * 1024 ** 2,
  })

/** `kernels`, linked with the ggml of llama.cpp with these patches, which is compiled once. */
function withPatches(patches: string): string {
  const hash = createHash('sha256')
  for (const name of readdirSync(patches).sort()) hash.update(readFileSync(join(patches, name)))
  const folder = join(cache, hash.digest('hex').slice(0, 16))
  const [tree, build, program] = [join(folder, 'source'), join(folder, 'build'), join(folder, 'kernels')]
  const targets = ['ggml', 'ggml-cpu', 'ggml-base']
  const libraries = targets.map((name) => join(build, `ggml/src/lib${name}.a`))
  if (!libraries.every(existsSync)) {
    console.error(`compiling ggml with the patches of ${patches}`)
    rmSync(folder, { recursive: true, force: true })
    run('bash', [join(packageRoot, 'scripts/engine-source.sh'), tree], { ENGINE_PATCHES: patches })
    const parts = ['TESTS', 'EXAMPLES', 'TOOLS', 'SERVER', 'COMMON', 'UI']
    const options = ['-DCMAKE_BUILD_TYPE=Release', '-DBUILD_SHARED_LIBS=OFF']
    run('cmake', [
      '-GNinja',
      tree,
      '-B',
      build,
      ...options,
      ...parts.map((one) => `-DLLAMA_BUILD_${one}=OFF`),
    ])
    run('ninja', ['-C', build, ...targets])
  }
  const words = ['-O2', '-std=c++17', `-I${tree}/ggml/include`, join(source, 'kernels.cpp'), ...libraries]
  run('c++', [...words, '-fopenmp', '-lpthread', '-ldl', '-lm', '-o', program])
  return program
}

function patchesOf(revision: string): string {
  const folder = join(cache, `patches-${revision}`)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const archive = join(folder, 'patches.tar')
  const patches = 'vendor/llama.cpp/patches'
  run('git', ['-C', packageRoot, 'archive', '-o', archive, revision, patches])
  run('tar', ['-xf', archive, '-C', folder])
  return join(folder, patches)
}

function oneDnn(): string | undefined {
  const program = join(cache, 'onednn')
  try {
    run('c++', ['-O2', '-std=c++17', join(source, 'onednn.cpp'), '-ldnnl', '-o', program])
    return program
  } catch {
    console.error('oneDNN is left out: its headers are not installed')
    return undefined
  }
}

const before = withPatches(patchesOf(commit))
const after = withPatches(join(packageRoot, 'vendor/llama.cpp/patches'))
const beside = oneDnn()

const best = {
  before: new Map<string, number>(),
  after: new Map<string, number>(),
  beside: new Map<string, number>(),
}
const note = (into: Map<string, number>, output: string) => {
  for (const [, name = '', rate] of output.matchAll(/^(.*) ([\d.]+)$/gm))
    into.set(name, Math.max(into.get(name) ?? 0, Number(rate)))
}
const wasBf16 = { GGML_CPU_F16_WAS_BF16: '1' }
for (let round = 0; round < rounds; round += 1) {
  note(best.before, run(before, [threads, seconds, filter]))
  note(best.after, run(after, [threads, seconds, filter], wasBf16))
  // What is F16 with ENGINE_PRECISION=full.
  note(best.after, run(after, [threads, seconds, filter]).replaceAll(/^(\w+) f16 /gm, '$1 f16, full '))
  if (beside) note(best.beside, run(beside, [seconds, filter], { OMP_NUM_THREADS: threads }))
}

const figure = (value: number | undefined): string => value?.toFixed(0) ?? ''
console.log('| kernel | before | after | times | oneDNN, the same sums | of it |\n|---|---|---|---|---|---|')
for (const [name, rate] of best.after) {
  const plain = name.replace(', full', '')
  const old = best.before.get(plain)
  const arithmetic = /f32|full/.test(name) ? 'f32' : 'bf16'
  const sums = (type: string) => best.beside.get(plain.replace(/^product \S+/, `product ${type}`))
  // Without arithmetic for BF16 oneDNN has none, and ggml computes in F32.
  const other = sums(arithmetic) ?? sums('f32')
  const times = old === undefined ? '' : (rate / old).toFixed(2)
  const share = other === undefined ? '' : `${Math.round((100 * rate) / other)} %`
  console.log(`| ${name} | ${figure(old)} | ${figure(rate)} | ${times} | ${figure(other)} | ${share} |`)
}
