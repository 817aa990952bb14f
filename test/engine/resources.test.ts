import t, { type Test } from 'tap'
import {
  cpuThrottling,
  memoryNeed,
  memoryShortage,
  readResources,
  residentBytes,
} from '../../src/engine/resources.ts'
import { someModel } from '../support/model-facts.ts'

const gib = 1024 ** 3
const machine = (cpus = '0-7') => ({
  proc: {
    meminfo: 'MemTotal: 16777216 kB\nMemAvailable:    8388608 kB\n',
    self: { status: `Name:\tnode\nCpus_allowed_list:\t${cpus}\n`, cgroup: '0::/\n' },
  },
})

const threadsOf = async (t: Test, tree: Record<string, unknown>) =>
  (await readResources(t.testdir(tree as Parameters<Test['testdir']>[0]))).threads

t.test('threads follow the affinity mask', async (t) => {
  t.equal(await threadsOf(t, machine()), 8)
  t.equal(await threadsOf(t, machine('0-1,4')), 3)
  t.equal(await threadsOf(t, machine('5')), 1)
  t.equal(await threadsOf(t, machine('all')), 1, 'one where a list says nothing')
  t.equal(await threadsOf(t, {}), 1, 'one where nothing can be read')
})

t.test('two hyper-threads of a core count once', async (t) => {
  const cpu = (siblings: string) => ({ topology: { thread_siblings_list: `${siblings}\n` } })
  const sys = {
    devices: { system: { cpu: { cpu0: cpu('0,2'), cpu1: cpu('1,3'), cpu2: cpu('0,2'), cpu3: cpu('1,3') } } },
  }
  t.equal(await threadsOf(t, { ...machine('0-3'), sys }), 2)
  t.equal(await threadsOf(t, { ...machine('0,2'), sys }), 1)
})

t.test('threads follow a v2 quota, rounded down, of any cgroup above', async (t) => {
  const quota = (cpuMax: string) => ({ sys: { fs: { cgroup: { 'cpu.max': cpuMax } } } })
  t.equal(await threadsOf(t, { ...machine(), ...quota('370000 100000\n') }), 3)
  t.equal(await threadsOf(t, { ...machine(), ...quota('50000 100000\n') }), 1)
  t.equal(await threadsOf(t, { ...machine(), ...quota('max 100000\n') }), 8)
  const nested = {
    proc: { ...machine().proc, self: { ...machine().proc.self, cgroup: '0::/outer/inner\n' } },
    sys: { fs: { cgroup: { outer: { 'cpu.max': '200000 100000', inner: { 'cpu.max': '600000 100000' } } } } },
  }
  t.equal(await threadsOf(t, nested), 2)
  const colons = {
    proc: { ...machine().proc, self: { ...machine().proc.self, cgroup: '0::/pod.slice:cri:abc\n' } },
    sys: { fs: { cgroup: { 'pod.slice:cri:abc': { 'cpu.max': '300000 100000' } } } },
  }
  t.equal(await threadsOf(t, colons), 3, 'a name with colons')
})

t.test('threads follow a v1 quota', async (t) => {
  const tree = {
    proc: {
      ...machine().proc,
      self: { ...machine().proc.self, cgroup: '4:cpu,cpuacct:/docker/abc\n2:memory:/docker/abc\n' },
    },
    sys: {
      fs: {
        cgroup: { cpu: { docker: { abc: { 'cpu.cfs_quota_us': '250000', 'cpu.cfs_period_us': '100000' } } } },
      },
    },
  }
  t.equal(await threadsOf(t, tree), 2)
  const unlimited = {
    ...machine(),
    sys: { fs: { cgroup: { cpu: { 'cpu.cfs_quota_us': '-1', 'cpu.cfs_period_us': '100000' } } } },
  }
  t.equal(await threadsOf(t, unlimited), 8)
})

t.test('memory is what the machine has or what the cgroup leaves, page cache counted as free', async (t) => {
  t.match(await readResources(t.testdir(machine())), { availableBytes: 8 * gib, memoryBound: 'machine' })
  const v2 = {
    'memory.max': `${4 * gib}`,
    'memory.current': `${3 * gib}`,
    'memory.stat': `anon 5\ninactive_file ${gib}\nactive_file 7\n`,
  }
  t.match(await readResources(t.testdir({ ...machine(), sys: { fs: { cgroup: v2 } } })), {
    availableBytes: 2 * gib + 7,
    memoryBound: 'cgroup',
  })
  const v1 = {
    memory: {
      'memory.limit_in_bytes': `${4 * gib}`,
      'memory.usage_in_bytes': `${gib}`,
      'memory.stat': `inactive_file 1\ntotal_inactive_file ${gib / 2}\n`,
    },
  }
  t.match(await readResources(t.testdir({ ...machine(), sys: { fs: { cgroup: v1 } } })), {
    availableBytes: 3.5 * gib,
  })
  const none = { 'memory.max': 'max\n', memory: { 'memory.limit_in_bytes': '9223372036854771712' } }
  t.match(await readResources(t.testdir({ ...machine(), sys: { fs: { cgroup: none } } })), {
    memoryBound: 'machine',
  })
})

t.test('nothing is left of a limit that is passed, and an odd file is no limit', async (t) => {
  const available = async (group: Record<string, string>) =>
    readResources(t.testdir({ ...machine(), sys: { fs: { cgroup: group } } }))
  const passed = { 'memory.max': '1000', 'memory.current': '5000', 'memory.stat': 'inactive_file 7\n' }
  t.match(await available(passed), { availableBytes: 0, memoryBound: 'cgroup' })
  t.match(await available({ 'memory.max': '1000', 'memory.stat': 'xactive_file 7\nactive_file 7x\n' }), {
    availableBytes: 1000,
  })
  t.match(await available({ 'memory.max': 'what', 'cpu.max': 'what ever' }), {
    ...{ threads: 8, memoryBound: 'machine', availableBytes: 8 * gib },
    ...{ cores: 8, quota: Number.POSITIVE_INFINITY },
  })
  t.match(
    await available({ 'memory.max': String(8 * gib) }),
    { memoryBound: 'machine' },
    'as much as there is',
  )
  t.match(await readResources(t.testdir({})), { availableBytes: Number.POSITIVE_INFINITY })
})

t.test('a quota needs its period', async (t) => {
  for (const cpu of [
    { 'cpu.cfs_quota_us': '250000' },
    { 'cpu.cfs_period_us': '100000' },
    { 'cpu.cfs_quota_us': '0', 'cpu.cfs_period_us': '100000' },
  ]) {
    t.equal(await threadsOf(t, { ...machine(), sys: { fs: { cgroup: { cpu } } } }), 8)
  }
})

t.test('in a hybrid of both versions the v2 tree lies in a folder of its own', async (t) => {
  const tree = {
    proc: { ...machine().proc, self: { ...machine().proc.self, cgroup: '1:name=systemd:/a\n0::/a/b\n' } },
    sys: { fs: { cgroup: { unified: { a: { b: { 'cpu.max': '300000 100000' } } } } } },
  }
  t.equal(await threadsOf(t, tree), 3)
})

t.test('how often the quota held us back is that of the folder that knows most', async (t) => {
  const throttled = (folders: Record<string, unknown>) =>
    cpuThrottling(
      t.testdir({ ...machine(), sys: { fs: { cgroup: folders } } } as Parameters<Test['testdir']>[0]),
    )
  const v2 = 'nr_periods 9\nnr_throttled 5\nthrottled_usec 2500000\n'
  const v1 = 'nr_throttled 7\nthrottled_time 1500000000\n'
  t.strictSame(await throttled({ 'cpu.stat': v2 }), { periods: 5, seconds: 2.5 })
  t.strictSame(await throttled({ 'cpu.stat': v2, cpu: { 'cpu.stat': v1 } }), { periods: 7, seconds: 1.5 })
  t.strictSame(await throttled({ 'cpu.stat': v1, cpu: { 'cpu.stat': v2 } }), { periods: 7, seconds: 1.5 })
  t.strictSame(await throttled({}), { periods: 0, seconds: 0 })
  const { periods } = await cpuThrottling()
  t.ok(periods >= 0, 'this machine can be read')
})

t.test('what a process keeps in memory, and nothing once it is gone', async (t) => {
  const root = t.testdir({
    proc: { 7: { status: 'Name:\tVmRSS: 1 kB\nVmHWM:\t 9 kB\nVmRSS:\t   12345 kB\nRssAnon: 1 kB\n' } },
  })
  t.equal(await residentBytes(7, root), 12_345 * 1024)
  t.equal(await residentBytes(8, root), 0)
  t.ok((await residentBytes(process.pid)) > 1024 ** 2)
})

t.test('this very machine can be read', async (t) => {
  const { threads, availableBytes } = await readResources()
  t.ok(threads >= 1 && availableBytes > 0)
})

t.test('need is the sum of its parts, and a shortage shows the arithmetic', (t) => {
  const model = someModel({
    weightBytes: 6 * gib,
    mmprojBytes: gib,
    kvBytesPerToken: 131_072,
    embeddingLength: 4096,
  })
  const need = memoryNeed(
    model,
    { contextTokens: 2048, slots: 2, promptCacheMib: 256, maxImages: 8, maxTiles: 0 },
    512,
  )
  t.equal(need.kvCache, 512 * 1024 ** 2)
  t.equal(need.total, need.weights + need.projector + need.kvCache + need.buffers + need.promptCache)
  t.equal(memoryShortage(need, { availableBytes: need.total, memoryBound: 'machine' }), undefined)
  const sentence = memoryShortage(need, { availableBytes: 4 * gib, memoryBound: 'cgroup' })
  t.match(
    sentence,
    /weights 6\.0 GiB \+ projector 1\.0 GiB \+ KV cache 512 MiB \+ buffers \d+ MiB \+ prompt cache 256 MiB/,
  )
  t.match(sentence, /but the container's memory limit leaves 4\.0 GiB/)
  t.end()
})

t.test('what the engine computes with grows with the width, the batch and the patches of a picture', (t) => {
  const none = { contextTokens: 0, slots: 1, promptCacheMib: 0, maxImages: 1, maxTiles: 0 }
  const base = 64 * 1024 ** 2
  const { projector } = someModel()
  const need = (patchSize: number) =>
    memoryNeed(someModel({ projector: { ...projector, patchSize } }), none, 512)
  const text = 512 * 64 * 4 * 16
  t.strictSame(need(0), {
    ...{ weights: 1000, projector: 1000, kvCache: 0, buffers: base + text, promptCache: 0 },
    total: 2000 + base + text,
  })
  t.equal(need(16).buffers, base + text + (128 / 16) ** 2 * 32 * 4 * 8)
  t.end()
})

t.test('sizes are told in GiB from one on, below in whole MiB', (t) => {
  const shortage = (weightBytes: number) => {
    const none = { contextTokens: 0, slots: 1, promptCacheMib: 0, maxImages: 1, maxTiles: 0 }
    const need = memoryNeed(someModel({ weightBytes }), none, 1)
    return memoryShortage(need, { availableBytes: need.total - 1, memoryBound: 'machine' })
  }
  t.match(shortage(gib), /weights 1\.0 GiB .*, but the machine has 1\.1 GiB/)
  t.match(shortage(gib - 1), /weights 1024 MiB/)
  t.match(shortage(1), /weights 1 MiB/)
  t.end()
})

t.test(
  'a model with tiles needs room for the rows of its pictures, in every slot and while it is encoded',
  (t) => {
    const rest = { contextTokens: 1000, slots: 2, promptCacheMib: 0, maxImages: 6, maxTiles: 0 }
    const plain = memoryNeed(someModel(), rest, 512)
    const tiling = { side: 128, most: 4 }
    const tiled = memoryNeed(
      someModel({ kvBytesPerRow: 10, projector: { ...someModel().projector, tiling, rowsPerTile: 65 } }),
      rest,
      512,
    )
    t.equal(tiled.kvCache - plain.kvCache, 2 * 10 * 512, '6 tiles of 65 rows, rounded up')
    t.equal(tiled.buffers - plain.buffers, 64 * 32 * 4 * (4 * 14 - 8))
    t.end()
  },
)
