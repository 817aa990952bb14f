/**
 * Programs of ours that work on what strangers sent. Each has its bounds before it reads the first byte of that, knows
 * nothing of our environment, and is the first that the kernel ends when memory runs out. When we end, so does what it
 * reads from, and with that it.
 */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'

export type Bounds = {
  cpuSeconds: number
  /** Of JavaScript; Node keeps to itself what its heap does not need. */
  heapMib: number
  youngHeapMib: number
  /**
   * Memory that it may write to for itself alone; not the address space, which V8 and WebAssembly set apart in
   * abundance. Undefined for no bound but the heap's.
   */
  ownBytes?: number
}

/** `program` is compiled: what lets the source run elsewhere takes more time and memory than most of the work. */
export function startBounded(
  program: string,
  { cpuSeconds, heapMib, youngHeapMib, ownBytes }: Bounds,
  { env = {}, stdio }: { env?: Record<string, string>; stdio: StdioOptions },
): ChildProcess {
  const limits = ['-c 0', `-t ${cpuSeconds}`, ...(ownBytes === undefined ? [] : [`-d ${ownBytes / 1024}`])]
  const script = [
    ...limits.map((limit) => `ulimit ${limit}`),
    'echo 1000 >/proc/self/oom_score_adj',
    'exec "$@"',
  ].join('; ')
  const flags = [
    `--max-old-space-size=${heapMib}`,
    `--max-semi-space-size=${youngHeapMib}`,
    '--v8-pool-size=1',
  ]
  return spawn('/bin/sh', ['-c', script, 'sh', process.execPath, ...flags, program], {
    env,
    stdio,
    // In a session of its own, which a Ctrl-C in the terminal does not reach: what it works on is still to be answered.
    detached: true,
  })
}
