/**
 * What this process may use, and what a model needs. Threads and memory come from the affinity mask and the cgroup
 * (v1 and v2), not from the host's totals: an engine with more threads than its quota runs up to 45 times slower, and
 * one with more memory than its limit is killed. Files are read below `root`, so that tests can bring their own.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ModelFacts } from '../model/facts.ts'
import { rowsInRoom } from '../model/picture-room.ts'
import type { ModelSettings } from '../model/settings.ts'

export type Resources = {
  threads: number
  /** What threads are the least of: cores that the affinity allows, and CPUs of the cgroup's quota (or Infinity). */
  cores: number
  quota: number
  /** Bytes that can be had now: the tightest cgroup's rest or the machine's available memory. */
  availableBytes: number
  /** Which of the two it was. */
  memoryBound: 'cgroup' | 'machine'
}

export type MemoryResources = Pick<Resources, 'availableBytes' | 'memoryBound'>

const mib = 1024 ** 2

export async function readResources(root = '/'): Promise<Resources> {
  const cgroups = await cgroupFolders(root)
  const quotas = await Promise.all(cgroups.map((folder) => cpuQuota(folder)))
  const cores = await physicalCores(root)
  const quota = Math.min(...quotas)
  return {
    threads: Math.max(1, Math.floor(Math.min(cores, quota))),
    cores,
    quota,
    ...(await readMemory(root)),
  }
}

export async function readMemory(root = '/'): Promise<MemoryResources> {
  const rests = (await cgroupFolders(root)).map((folder) => memoryRest(folder))
  const cgroupRest = Math.min(...(await Promise.all(rests)))
  const machine = await machineAvailable(root)
  return {
    availableBytes: Math.min(machine, cgroupRest),
    memoryBound: cgroupRest < machine ? 'cgroup' : 'machine',
  }
}

const read = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '')

/**
 * Every cgroup folder that bounds this process: its own and all above it, in the v2 tree and in v1's cpu and memory
 * trees. Inside a container the path of `/proc/self/cgroup` may be the host's, hence the roots as well.
 */
async function cgroupFolders(root: string): Promise<string[]> {
  const mount = join(root, 'sys/fs/cgroup')
  const folders = new Set([mount, join(mount, 'cpu'), join(mount, 'memory')])
  for (const line of (await read(join(root, 'proc/self/cgroup'))).split('\n')) {
    // The name of a cgroup may hold colons itself.
    const [, controllers = '', ...path] = line.split(':')
    const trees = controllers === '' ? ['', 'unified'] : controllers.split(',')
    for (const tree of trees) {
      const steps = path.join(':').split('/')
      steps.forEach((_, depth) => {
        folders.add(join(mount, tree, ...steps.slice(0, depth + 1)))
      })
    }
  }
  return [...folders]
}

/** How the kernel held this process and its engine back for using up a CPU quota, since the cgroup exists. */
export async function cpuThrottling(root = '/'): Promise<{ periods: number; seconds: number }> {
  const stats = await Promise.all(
    (await cgroupFolders(root)).map(async (folder) => {
      const stat = await read(join(folder, 'cpu.stat'))
      const seconds = counter(stat, 'throttled_usec') / 1e6 || counter(stat, 'throttled_time') / 1e9
      return { periods: counter(stat, 'nr_throttled'), seconds }
    }),
  )
  // Each folder has counted for itself and what is below it.
  return stats.reduce((most, one) => (one.periods > most.periods ? one : most), { periods: 0, seconds: 0 })
}

/** Resident bytes of a process; 0 when it is gone. */
export async function residentBytes(pid: number, root = '/'): Promise<number> {
  const status = await read(join(root, `proc/${pid}/status`))
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024
}

/** CPUs' worth of time per period, or Infinity where none is set. */
async function cpuQuota(folder: string): Promise<number> {
  const [quota, period] = (await read(join(folder, 'cpu.max'))).split(/\s+/).map(Number)
  if (quota && period) return quota / period
  const v1Quota = Number(await read(join(folder, 'cpu.cfs_quota_us')))
  const v1Period = Number(await read(join(folder, 'cpu.cfs_period_us')))
  return v1Quota > 0 && v1Period > 0 ? v1Quota / v1Period : Number.POSITIVE_INFINITY
}

/** Bytes left below a cgroup's limit, page cache counted as free since the kernel gives it back. */
async function memoryRest(folder: string): Promise<number> {
  const limit = Number.parseInt(
    (await read(join(folder, 'memory.max'))) || (await read(join(folder, 'memory.limit_in_bytes'))),
    10,
  )
  // "max" in v2; v1 writes a number near 2^63 instead.
  if (!(limit < 2 ** 60)) return Number.POSITIVE_INFINITY
  const used = Number.parseInt(
    (await read(join(folder, 'memory.current'))) || (await read(join(folder, 'memory.usage_in_bytes'))),
    10,
  )
  const stat = await read(join(folder, 'memory.stat'))
  const cached = ['inactive_file', 'active_file'].reduce((sum, name) => sum + counter(stat, name), 0)
  return Math.max(0, limit - (used || 0) + cached)
}

/** v1 has a `total_` line that includes children; v2 counts them in the plain one. */
function counter(stat: string, name: string): number {
  const line =
    new RegExp(`^total_${name} (\\d+)$`, 'm').exec(stat) ?? new RegExp(`^${name} (\\d+)$`, 'm').exec(stat)
  return Number(line?.[1] ?? 0)
}

async function machineAvailable(root: string): Promise<number> {
  const available = /^MemAvailable:\s+(\d+) kB$/m.exec(await read(join(root, 'proc/meminfo')))
  return available ? Number(available[1]) * 1024 : Number.POSITIVE_INFINITY
}

/** Cores behind the CPUs that the affinity mask allows: two hyper-threads of one core share its vector units. */
async function physicalCores(root: string): Promise<number> {
  const status = await read(join(root, 'proc/self/status'))
  const allowed = cpuList(/^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? '')
  const cores = await Promise.all(
    allowed.map(async (cpu) => {
      const siblings = await read(
        join(root, `sys/devices/system/cpu/cpu${cpu}/topology/thread_siblings_list`),
      )
      return siblings.trim() || String(cpu)
    }),
  )
  return new Set(cores).size || 1
}

/** `0-3,8` -> [0, 1, 2, 3, 8]. */
function cpuList(list: string): number[] {
  return list.split(',').flatMap((range) => {
    const [first = Number.NaN, last = first] = range.split('-').map(Number)
    return Number.isNaN(first) ? [] : Array.from({ length: last - first + 1 }, (_, step) => first + step)
  })
}

/** The engine rounds a cache's length up to a multiple of this. */
const cachePadding = 256
const padded = (rows: number): number => Math.ceil(rows / cachePadding) * cachePadding

export type MemoryNeed = {
  weights: number
  projector: number
  kvCache: number
  buffers: number
  promptCache: number
  total: number
}

/** Bytes that the engine's process itself takes, with an empty model. */
const engineBaseBytes = 64 * mib
/**
 * Copies of a batch's activations that the engine's compute buffers hold at once. Measured with llama.cpp v0.5.0:
 * 14 for text (28.5 MiB at width 1024, batch 512), 8 for vision (205 MiB at width 768, 8464 patches).
 */
const textCopies = 16
const visionCopies = 8
/** For models with tiles, all of a picture's tiles together: 460 MiB at width 1280, 6404 rows. */
const tiledCopies = 14
const floatBytes = 4

/** Bytes that a model will need, from its header alone. `maxImageTokens` bounds pictures of varying size. */
export function memoryNeed(
  model: ModelFacts,
  settings: Pick<ModelSettings, 'contextTokens' | 'slots' | 'promptCacheMib' | 'maxImages' | 'maxTiles'>,
  batch: number,
): MemoryNeed {
  const { imageSize, patchSize, embeddingLength, tiling } = model.projector
  const patches = patchSize > 0 ? (imageSize / patchSize) ** 2 : 0
  const rows = rowsInRoom(model, settings) ?? 0
  const parts = {
    weights: model.weightBytes,
    projector: model.mmprojBytes,
    kvCache:
      (model.kvBytesPerToken * settings.contextTokens + model.kvBytesPerRow * padded(rows)) * settings.slots,
    buffers:
      engineBaseBytes +
      batch * model.embeddingLength * floatBytes * textCopies +
      patches * embeddingLength * floatBytes * (tiling ? tiling.most * tiledCopies : visionCopies),
    promptCache: settings.promptCacheMib * mib,
  }
  return { ...parts, total: Object.values(parts).reduce((sum, bytes) => sum + bytes, 0) }
}

/** The sum of what a model needs, in words. */
export function memoryArithmetic(need: MemoryNeed): string {
  return (
    `The model needs about ${size(need.total)} of memory (weights ${size(need.weights)} + projector ${size(need.projector)}` +
    ` + KV cache ${size(need.kvCache)} + buffers ${size(need.buffers)} + prompt cache ${size(need.promptCache)})`
  )
}

/** What there is, in words. */
export const memoryAvailable = ({ availableBytes, memoryBound }: MemoryResources): string =>
  `${memoryBound === 'cgroup' ? "the container's memory limit leaves" : 'the machine has'} ${size(availableBytes)}`

/** The arithmetic and what can be done, when `need` does not fit into what there is; otherwise undefined. */
export function memoryShortage(need: MemoryNeed, resources: MemoryResources): string | undefined {
  if (need.total <= resources.availableBytes) return undefined
  return (
    `${memoryArithmetic(need)}, but ${memoryAvailable(resources)}. Give it more memory, take a smaller model or` +
    ' quantization, lower CONTEXT_SIZE, SLOTS or PROMPT_CACHE_MIB, or set MEMORY_CHECK=off to try all the same'
  )
}

const size = (bytes: number): string =>
  bytes >= 1024 * mib ? `${(bytes / 1024 / mib).toFixed(1)} GiB` : `${Math.ceil(bytes / mib)} MiB`
