import t, { type Test } from 'tap'
import { memoryNeed, memoryShortage, readResources } from '../../src/engine/resources.ts'
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
  const need = memoryNeed(model, { contextTokens: 2048, slots: 2, promptCacheMib: 256, maxImages: 8 }, 512)
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

t.test(
  'a model with tiles needs room for the rows of its pictures, in every slot and while it is encoded',
  (t) => {
    const rest = { contextTokens: 1000, slots: 2, promptCacheMib: 0, maxImages: 6 }
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
